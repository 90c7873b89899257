//! `sluice audit`: what can be done with the audit log besides reading it.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use sluice_server::audit::{self, Verified, VerifyError};

use crate::arguments::{OutputArgs, OutputFormat};
use crate::exit::Failure;
use crate::output;

/// `sluice audit`.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Follows the chain of hashes through an audit directory, and names the first place where it breaks.
    #[command(after_help = VERIFY_HELP)]
    Verify(VerifyArgs),
}

const VERIFY_HELP: &str = "\
Every line carries the hash of the line before, and every finished file has a digest with its own
hash and that of the digest before. What is changed, missing or added in between is found. Whoever
can write everything can also make a new chain, and nobody can tell from the files how many came
after the last: keep the hashes of digests elsewhere (the server logs each) and give one of them.
The directory may be in use. Exits with 0 if the chain is whole, with 5 if it breaks.

Examples:
  sluice audit verify /var/lib/sluice-audit
  sluice audit verify /var/lib/sluice-audit --digest 5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";

/// What to verify.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The audit directory.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// SHA-256 of a digest file that has to be there.
    #[arg(long, value_name = "HASH")]
    digest: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

/// Runs one of them.
pub(crate) fn run(command: AuditCommand) -> Result<(), Failure> {
    let AuditCommand::Verify(args) = command;
    let digest = args.digest.map(|hash| hash.to_lowercase());
    let verified = audit::verify(&args.directory, digest.as_deref()).map_err(failure)?;
    match args.output.output {
        OutputFormat::Text => output::print(&text(&verified)),
        OutputFormat::Json => output::print_json(&value(&verified)),
    }
}

fn failure(error: VerifyError) -> Failure {
    match error {
        VerifyError::Broken { .. } => Failure::Damaged(format!("the chain breaks: {error}")),
        VerifyError::Empty { .. } | VerifyError::Io { .. } => Failure::Refused(error.to_string()),
    }
}

fn text(verified: &Verified) -> String {
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "(none)".to_owned());
    let before = match verified.first_file {
        1 => String::new(),
        first => format!("files before number {first} are not here\n"),
    };
    let tail = if verified.is_tail_torn { "the last record is not complete\n" } else { "" };
    format!(
        "the chain is whole: {} records in {} files, from {} to {}\n{before}{tail}last digest {}\nlast record {}\n",
        verified.records,
        verified.files,
        or_none(&verified.oldest),
        or_none(&verified.newest),
        or_none(&verified.last_digest_hash),
        or_none(&verified.last_record_hash),
    )
}

fn value(verified: &Verified) -> Value {
    json!({
        "first_file": verified.first_file,
        "files": verified.files,
        "records": verified.records,
        "oldest": verified.oldest,
        "newest": verified.newest,
        "last_digest_hash": verified.last_digest_hash,
        "last_record_hash": verified.last_record_hash,
        "is_tail_torn": verified.is_tail_torn,
    })
}
