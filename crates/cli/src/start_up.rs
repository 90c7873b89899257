//! What the server says once it is ready.

use std::net::SocketAddr;
use std::path::Path;

use crate::arguments::LogFormat;
use crate::output;
use crate::settings::{Mode, Settings};

/// Whether the data directory outlives the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lifetime {
    Kept,
    RemovedAtExit,
}

/// A server that is ready.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ready<'a> {
    pub(crate) mode: Mode,
    pub(crate) address: SocketAddr,
    pub(crate) data: &'a Path,
    pub(crate) lifetime: Lifetime,
    pub(crate) settings: &'a Settings,
}

/// Announces the server: a few lines for a person, or one event for a log collector.
pub(crate) fn announce(ready: &Ready<'_>, format: LogFormat) {
    match format {
        LogFormat::Text => output::tell(&banner(ready)),
        LogFormat::Json => {
            let endpoint = format!("http://{}", ready.address);
            tracing::info!(%endpoint, data = %ready.data.display(), "ready");
        }
    }
}

fn banner(ready: &Ready<'_>) -> String {
    let lifetime = match ready.lifetime {
        Lifetime::Kept => "",
        Lifetime::RemovedAtExit => " (removed at exit)",
    };
    let callers = match ready.mode {
        Mode::Serve => {
            "this machine only: signatures are not verified yet, so it listens on loopback alone"
        }
        Mode::Dev => "everyone who reaches the address, with any credentials",
    };
    let endpoint = format!("http://{}", ready.address);
    let region = &ready.settings.region;
    let queue = format!("{endpoint}/{}/first", ready.settings.account);
    let data = ready.data.display();
    format!(
        "
  Sluice is ready at {endpoint}
  Data      {data}{lifetime}
  Callers   {callers}

  Try it:
    export AWS_ENDPOINT_URL={endpoint} AWS_DEFAULT_REGION={region} AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
    aws sqs create-queue --queue-name first && aws sqs send-message --queue-url {queue} --message-body hello
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_banner_names_endpoint_and_data_directory() {
        let settings = Settings::defaults(Mode::Serve);
        let text = banner(&Ready {
            mode: Mode::Serve,
            address: SocketAddr::from(([127, 0, 0, 1], 9324)),
            data: Path::new("/data"),
            lifetime: Lifetime::Kept,
            settings: &settings,
        });
        for part in ["ready at http://127.0.0.1:9324\n", "/data", "loopback", "/000000000000/first"]
        {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
