//! The listeners of a server, before anything else is started: they are the most likely to fail, and cost nothing to give back.

use std::io;
use std::net::SocketAddr;

use crate::config::{Access, Config, ListenAddress, ListenerConfig};
use crate::http::{Listener, Tls};
use crate::services::Switch;
use crate::start_error::StartError;

/// Listens as configured, in the order of [`Config::listeners`].
pub(crate) async fn bind(config: &Config) -> Result<Vec<Listener>, StartError> {
    let mut listeners = Vec::new();
    for listener in config.listeners() {
        check_reach(config.access, listener)?;
        let tls = listener.tls.as_ref().map(Tls::load).transpose()?;
        let bound = Listener::bind(listener.clone(), tls).await;
        listeners.push(bound.map_err(|error| cannot_listen(listener, error))?);
    }
    Ok(listeners)
}

fn cannot_listen(listener: &ListenerConfig, source: io::Error) -> StartError {
    let setting = listener.setting();
    match source.kind() {
        io::ErrorKind::AddrInUse => StartError::AddressInUse { setting },
        _ => StartError::Listen { setting, source },
    }
}

/// Whether those who reach the address are kept out as far as they have to be. A socket in the file system is for this machine
/// only.
fn check_reach(access: Access, listener: &ListenerConfig) -> Result<(), StartError> {
    let address: SocketAddr = match &listener.address {
        ListenAddress::Tcp(address) => *address,
        ListenAddress::Unix { .. } => return Ok(()),
    };
    let (setting, section, port) = (listener.setting(), listener.section(), address.port());
    let is_plain = listener.tls.is_none() && listener.plain_http == Switch::Off;
    match access {
        _ if address.ip().is_loopback() => Ok(()),
        Access::LoopbackOnly => Err(StartError::NotLoopback { setting, port }),
        Access::Verified if is_plain => Err(StartError::PlainHttp { setting, section, port }),
        Access::Verified | Access::Anyone => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Server;

    fn on(ip: [u8; 4], port: u16) -> ListenerConfig {
        ListenerConfig::new(SocketAddr::from((ip, port)))
    }

    async fn refusal(config: Config) -> String {
        let refused = Server::start(config).await.err();
        refused.map(|error| error.to_string()).unwrap_or_default()
    }

    #[tokio::test]
    async fn a_server_without_authentication_stays_on_loopback() {
        let text = refusal(Config {
            access: Access::LoopbackOnly,
            listener: on([0, 0, 0, 0], 9324),
            ..Config::small("/nonexistent")
        })
        .await;
        assert!(
            text.contains("listen = 0.0.0.0:9324") && text.contains("127.0.0.1:9324"),
            "{text}"
        );
    }

    #[tokio::test]
    async fn each_listener_without_tls_stays_on_loopback() {
        let name = Some("lan".to_owned());
        let text = refusal(Config {
            access: Access::Verified,
            further_listeners: vec![ListenerConfig { name, ..on([0, 0, 0, 0], 9325) }],
            ..Config::small("/nonexistent")
        })
        .await;
        for part in
            ["listeners.lan.address = 0.0.0.0:9325", "set listeners.lan.tls.certificate_file"]
        {
            assert!(text.contains(part), "{text}");
        }
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_named() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = taken.local_addr().expect("bound").port();
        let listener = on([127, 0, 0, 1], port);
        let text = refusal(Config { listener, ..Config::small("/nonexistent") }).await;
        assert!(text.starts_with(&format!("listen = 127.0.0.1:{port} is taken")), "{text}");
    }
}
