//! What the server says once it is ready.

use std::path::Path;

use sluice_server::config::{Config, ListenAddress, ListenerConfig};
use sluice_server::identities::AccessKey;
use sluice_server::services::Switch;

use crate::arguments::LogFormat;
use crate::settings::{Mode, Settings};
use crate::{output, self_signed};

/// Whether the data directory outlives the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lifetime {
    Kept,
    RemovedAtExit,
}

/// A server that is ready.
#[derive(Debug)]
pub(crate) struct Ready<'a> {
    pub(crate) mode: Mode,
    /// With the addresses at which it listens.
    pub(crate) config: &'a Config,
    pub(crate) data: &'a Path,
    pub(crate) lifetime: Lifetime,
    pub(crate) settings: &'a Settings,
    /// Fingerprint of the master key, if there is one.
    pub(crate) at_rest: Option<String>,
    /// The administrator's access key, if it was made just now.
    pub(crate) root_key: Option<AccessKey>,
}

impl Ready<'_> {
    fn endpoint(&self) -> String {
        endpoint(&self.config.listener)
    }

    /// A line for each further listener.
    fn further(&self) -> String {
        let line = |listener: &ListenerConfig| {
            let name = listener.name.as_deref().unwrap_or_default();
            format!("\n  Listener  {name}: {}", endpoint(listener))
        };
        self.config.further_listeners.iter().map(line).collect()
    }
}

fn endpoint(listener: &ListenerConfig) -> String {
    match &listener.address {
        ListenAddress::Tcp(address) if listener.tls.is_some() => format!("https://{address}"),
        ListenAddress::Tcp(address) => format!("http://{address}"),
        socket @ ListenAddress::Unix { .. } => socket.to_string(),
    }
}

/// Announces the server: a few lines for a person, or one event for a log collector.
pub(crate) fn announce(ready: &Ready<'_>, format: LogFormat) {
    match format {
        LogFormat::Text => output::tell(&banner(ready)),
        LogFormat::Json => {
            let endpoint = ready.endpoint();
            let master_key = ready.at_rest.as_deref();
            tracing::info!(%endpoint, data = %ready.data.display(), master_key, "ready");
            // Not an event: what collects events keeps them.
            if let Some(key) = &ready.root_key {
                output::tell(&first_key(key));
            }
        }
    }
}

fn banner(ready: &Ready<'_>) -> String {
    let lifetime = match ready.lifetime {
        Lifetime::Kept => "",
        Lifetime::RemovedAtExit => " (removed at exit)",
    };
    let callers = match (ready.settings.auth, ready.mode) {
        (Switch::On, _) => "whoever signs with an access key of this server",
        (Switch::Off, Mode::Serve) => "everyone on this machine, with any credentials",
        (Switch::Off, Mode::Dev) => "everyone who reaches the address, with any credentials",
    };
    let first_key = ready.root_key.as_ref().map(first_key).unwrap_or_default();
    let credentials = match ready.settings.auth {
        Switch::On => "",
        Switch::Off => " AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test",
    };
    let (endpoint, further) = (ready.endpoint(), ready.further());
    let (trust, bundle) = match &ready.settings.tls_self_signed {
        Some(directory) => {
            let ca_file = self_signed::ca_file(directory);
            let ca_file = std::path::absolute(&ca_file).unwrap_or(ca_file);
            let ca_file = ca_file.display();
            (format!("\n  Trust     {ca_file}"), format!(" AWS_CA_BUNDLE={ca_file}"))
        }
        None => (String::new(), String::new()),
    };
    let region = &ready.settings.region;
    let queue = format!("{endpoint}/{}/first", ready.settings.account);
    let data = ready.data.display();
    let at_rest = match &ready.at_rest {
        Some(fingerprint) => {
            let kms = &ready.settings.master_key_kms.endpoint;
            let by = kms.as_ref().map(|kms| format!(", decrypted by {}", kms.url()));
            let by = by.unwrap_or_default();
            format!("bodies are encrypted, with the master key {fingerprint}{by}")
        }
        None => "nothing is encrypted, without `master_key_file`".to_owned(),
    };
    format!(
        "
  Sluice is ready at {endpoint}{further}
  Data      {data}{lifetime}
  At rest   {at_rest}
  Callers   {callers}{trust}
{first_key}
  Try it (version 1 of the AWS CLI needs --endpoint-url {endpoint} as well):
    export AWS_ENDPOINT_URL={endpoint} AWS_DEFAULT_REGION={region}{credentials}{bundle}
    aws sqs create-queue --queue-name first && aws sqs send-message --queue-url {queue} --message-body hello
"
    )
}

/// Shows the administrator's access key, this once.
fn first_key(key: &AccessKey) -> String {
    format!(
        "
  The administrator's access key. It is shown only now; `root_credentials_file` sets another one.
    export AWS_ACCESS_KEY_ID={}
    export AWS_SECRET_ACCESS_KEY={}
",
        key.id,
        key.secret.expose()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::FromFiles;
    use crate::settings::listener::ListenerSettings;

    fn banner_of(mode: Mode, lifetime: Lifetime, settings: &Settings) -> String {
        let config = settings.server_config(mode, Path::new("/data"), FromFiles::default());
        banner(&Ready {
            mode,
            config: &config,
            data: Path::new("/data"),
            lifetime,
            settings,
            at_rest: None,
            root_key: None,
        })
    }

    #[test]
    fn the_banner_names_endpoints_and_data_directory() {
        let mut settings = Settings::defaults(Mode::Serve);
        let path = "/run/sluice.sock".into();
        let address = Some(ListenAddress::Unix { path, mode: 0o600 });
        let local = ListenerSettings { address, ..ListenerSettings::default() };
        settings.further_listeners.insert("local".to_owned(), local);
        let text = banner_of(Mode::Serve, Lifetime::Kept, &settings);
        for part in [
            "ready at http://127.0.0.1:9324\n",
            "local: unix:/run/sluice.sock\n",
            "/data",
            "signs with",
            "/000000000000/first",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn the_banner_names_whom_to_trust() {
        let mut settings = Settings::defaults(Mode::Dev);
        settings.tls_self_signed = Some("/made".into());
        let text = banner_of(Mode::Dev, Lifetime::RemovedAtExit, &settings);
        for part in ["ready at https://127.0.0.1:9324\n", "AWS_CA_BUNDLE=/made/ca.pem\n"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
