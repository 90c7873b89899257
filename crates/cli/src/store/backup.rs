//! `sluice store backup` and `sluice store restore`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use sluice_server::offline::{self, BackupError, BackupSize};

use super::failure;
use crate::arguments::{OutputArgs, OutputFormat};
use crate::exit::Failure;
use crate::output;

/// Flags of `sluice store backup`.
#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// Directory that becomes the backup: empty, or not there yet.
    #[arg(value_name = "BACKUP")]
    target: PathBuf,
    /// The data directory.
    #[arg(long, value_name = "DIR", env = "SLUICE_DATA", hide_env_values = true)]
    data: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

/// Flags of `sluice store restore`.
#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The backup.
    #[arg(value_name = "BACKUP")]
    backup: PathBuf,
    /// Data directory to make: empty, or not there yet.
    #[arg(long, value_name = "DIR", env = "SLUICE_DATA", hide_env_values = true)]
    data: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

/// Makes a backup.
pub(super) fn back_up(args: &BackupArgs) -> Result<(), Failure> {
    let size = offline::back_up(&args.data, &args.target).map_err(|error| match error {
        BackupError::Store(error) => failure(&error),
        BackupError::Server(text) => Failure::Refused(text),
    })?;
    report("backed up", size, args.output.output)
}

/// Restores a backup.
pub(super) fn restore(args: &RestoreArgs) -> Result<(), Failure> {
    let size = offline::restore(&args.backup, &args.data).map_err(|error| failure(&error))?;
    report("restored", size, args.output.output)
}

fn report(what: &str, size: BackupSize, format: OutputFormat) -> Result<(), Failure> {
    let BackupSize { files, bytes } = size;
    match format {
        OutputFormat::Text => output::print(&format!("{what}: {files} files, {bytes} bytes\n")),
        OutputFormat::Json => output::print_json(&json!({ "files": files, "bytes": bytes })),
    }
}
