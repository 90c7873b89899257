//! Logging to stderr.

use std::io;

use tracing_subscriber::EnvFilter;

use crate::arguments::{LogFormat, LoggingArgs};
use crate::exit::Failure;

/// Installs the process-wide subscriber. Called once, from `main`.
pub(crate) fn start(args: &LoggingArgs) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&args.log_level).map_err(|error| {
        Failure::Usage(format!(
            "`--log-level` wants error, warn, info, debug or trace, or such a list by module, found `{}`: {error}",
            args.log_level
        ))
    })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match args.log_format {
        // Colours only where a person looks; a log file full of escape sequences cannot be searched.
        LogFormat::Text => {
            builder.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).init();
        }
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    Ok(())
}
