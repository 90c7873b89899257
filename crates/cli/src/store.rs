//! `sluice store`: what can be done with a data directory besides serving it.

mod backup;
mod check;
mod stats;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use sluice_server::offline::StoreError;

use crate::arguments::OutputArgs;
use crate::exit::Failure;
use backup::{BackupArgs, RestoreArgs};

/// `sluice store`.
#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Reads everything in a data directory and reports what is damaged; changes nothing, and no server may run on it.
    #[command(after_help = CHECK_HELP)]
    Check(DirectoryArgs),
    /// Shows what files, tables and queues take; no server may run on the directory.
    Stats(DirectoryArgs),
    /// Makes a consistent copy of a data directory, also while a server runs on it.
    #[command(after_help = BACKUP_HELP)]
    Backup(BackupArgs),
    /// Makes a data directory out of a backup, after comparing every file with the list in it.
    #[command(after_help = RESTORE_HELP)]
    Restore(RestoreArgs),
}

const CHECK_HELP: &str = "\
Every file is read and compared with its checksums, every row and every message is read, and
rows are compared with each other. One line for each finding; `note` is what the next start
takes care of. Exits with 0 if there is no damage, with 5 if there is, and with 1 if the
directory cannot be checked, for instance because a server runs on it.";

const BACKUP_HELP: &str = "\
Everything that was acknowledged before the command was given is in the backup. A server that
runs is asked over a socket in its data directory, so this has to run as the same user or as
root, on the same machine, and the server has to be allowed to write beside BACKUP.
On the same file system, files that never change are linked and take no space; keep backups
on another disk as well.

Examples:
  sluice store backup /backup/sluice-monday --data /var/lib/sluice
  sluice store check --data /backup/sluice-monday     reads the backup as it reads a data directory";

const RESTORE_HELP: &str = "\
Example:
  sluice store restore /backup/sluice-monday --data /var/lib/sluice-new";

/// Which data directory.
#[derive(Debug, Args)]
pub(crate) struct DirectoryArgs {
    /// The data directory.
    #[arg(long, value_name = "DIR", env = "SLUICE_DATA", hide_env_values = true)]
    data: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

/// Runs one of them.
pub(crate) fn run(command: StoreCommand) -> Result<(), Failure> {
    match command {
        StoreCommand::Check(args) => check::run(&args),
        StoreCommand::Stats(args) => stats::run(&args),
        StoreCommand::Backup(args) => backup::back_up(&args),
        StoreCommand::Restore(args) => backup::restore(&args),
    }
}

/// Damage has an exit code of its own.
fn failure(error: &StoreError) -> Failure {
    match error {
        StoreError::Corrupt { .. }
        | StoreError::DamagedFormat { .. }
        | StoreError::DamagedBackup { .. } => Failure::Damaged(error.to_string()),
        other => Failure::Refused(other.to_string()),
    }
}
