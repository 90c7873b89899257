//! How a command ends: its exit code and what it says on the way out.

use std::error::Error;
use std::process::ExitCode;

/// Why a command did not succeed. The text goes to stderr, the kind becomes the exit code.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The server refused the request, or the command could not do what it was asked to.
    #[error("{0}")]
    Refused(String),
    /// A flag, an environment variable or the configuration file is wrong.
    #[error("{0}")]
    Usage(String),
    /// The endpoint does not answer.
    #[error("{0}")]
    Unreachable(String),
    /// The server did not start, or did not stop in order.
    #[error("{0}")]
    Server(String),
    /// A check found damage.
    #[error("{0}")]
    Damaged(String),
}

/// Exit code after a second SIGINT or SIGTERM, when the drain was cut short.
pub(crate) const CUT_SHORT: i32 = 130;

/// The part of `--help` that documents the exit codes; `code` below is its implementation.
pub(crate) const EXIT_CODES_HELP: &str = "\
Exit codes:
  0    success
  1    the server refused the request, or the command failed
  2    wrong usage: a flag, an environment variable or the configuration file
  3    the endpoint cannot be reached
  4    the server could not start, or could not stop in order
  5    `sluice store` found damaged data, `sluice audit` a broken chain
  130  a second signal cut the orderly shutdown short";

impl Failure {
    /// The exit code of this failure.
    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Refused(_) => 1,
            Self::Usage(_) => 2,
            Self::Unreachable(_) => 3,
            Self::Server(_) => 4,
            Self::Damaged(_) => 5,
        })
    }
}

/// An error with its chain of causes on one line, outermost first.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let fragment = next.to_string();
        if !text.contains(&fragment) {
            text.push_str(": ");
            text.push_str(&fragment);
        }
        cause = next.source();
    }
    text
}
