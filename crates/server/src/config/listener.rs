//! Where connections come in, who may connect there, and as what policies know it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use ipnet::IpNet;
use sluice_policy::{Kind, Policy, PolicyError};

use super::Forwarded;
use crate::services::Switch;
use crate::tls::TlsFiles;

/// Settings of one listener.
#[derive(Debug, Clone)]
pub struct ListenerConfig {
    /// Its name in the settings. The one that every server has is called nothing.
    pub name: Option<String>,
    /// Where it listens.
    pub address: ListenAddress,
    /// TLS there; without it, plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Whether connections without TLS are accepted on addresses other than loopback, with
    /// [`Access::Verified`](super::Access::Verified).
    pub plain_http: Switch,
    /// Whether `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host` are believed.
    pub forwarded: Forwarded,
    /// The networks that may connect; without any, all.
    pub networks: Vec<Network>,
    /// The VPC endpoint that it is, if it is one.
    pub endpoint: Option<Arc<VpcEndpoint>>,
}

/// Where a listener listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenAddress {
    /// An address and a port; port 0 picks a free one.
    Tcp(SocketAddr),
    /// A socket in the file system.
    Unix {
        /// Its file.
        path: PathBuf,
        /// Who may connect: who may write to the file, by this mode.
        mode: u32,
    },
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(out),
            Self::Unix { path, .. } => write!(out, "unix:{}", path.display()),
        }
    }
}

/// A listener in the role of an interface VPC endpoint: what policies and the audit log say of requests that come through it.
#[derive(Debug, Clone)]
pub struct VpcEndpoint {
    /// `aws:SourceVpce`
    pub id: String,
    /// `aws:SourceVpc`
    pub vpc: Option<String>,
    /// 12-digit id of the account that owns it.
    pub account: String,
    /// What may be done through it, by those who may do it anyhow; without a policy, everything.
    pub policy: Option<EndpointPolicy>,
}

/// The policy of a VPC endpoint. Clones share it.
#[derive(Debug, Clone)]
pub struct EndpointPolicy(Arc<Policy>);

impl EndpointPolicy {
    /// Reads a policy document. Like that of a queue it names principals and resources.
    ///
    /// # Errors
    /// What is wrong and where.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        Policy::parse(text, Kind::Resource).map(|policy| Self(Arc::new(policy)))
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.0
    }
}

/// Addresses with a prefix in common; one address alone is a network, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

impl Network {
    /// Whether an address is one of them. One of IPv4 is the same when it is written as one of IPv6.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

/// The text is no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoNetwork;

impl FromStr for Network {
    type Err = NoNetwork;

    fn from_str(text: &str) -> Result<Self, NoNetwork> {
        let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
        text.parse().ok().or_else(address).map(Self).ok_or(NoNetwork)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl ListenerConfig {
    /// A listener on an address, without TLS, for everyone who reaches it.
    pub fn new(address: impl Into<ListenAddress>) -> Self {
        Self {
            name: None,
            address: address.into(),
            tls: None,
            plain_http: Switch::Off,
            forwarded: Forwarded::Ignored,
            networks: Vec::new(),
            endpoint: None,
        }
    }

    /// What stands before its keys in the settings.
    pub(crate) fn section(&self) -> String {
        self.name.as_ref().map(|name| format!("listeners.{name}.")).unwrap_or_default()
    }

    /// The setting that says where it listens, and its value.
    pub(crate) fn setting(&self) -> String {
        let (section, address) = (self.section(), &self.address);
        match (&self.name, address) {
            (None, _) => format!("listen = {address}"),
            (Some(_), ListenAddress::Tcp(_)) => format!("{section}address = {address}"),
            (Some(_), ListenAddress::Unix { path, .. }) => {
                format!("{section}socket = {}", path.display())
            }
        }
    }

    /// Whether those at this address may connect. Who connects to a socket in the file system has none.
    pub(crate) fn lets_in(&self, address: Option<IpAddr>) -> bool {
        let is_within = |address| self.networks.iter().any(|network| network.contains(address));
        self.networks.is_empty() || address.is_none_or(is_within)
    }
}

impl From<SocketAddr> for ListenAddress {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_connect_is_a_matter_of_networks() {
        let mut listener = ListenerConfig::new(SocketAddr::from(([0, 0, 0, 0], 1)));
        let lets_in = |listener: &ListenerConfig, text: &str| {
            listener.lets_in(Some(text.parse().expect("an address")))
        };
        assert!(lets_in(&listener, "192.0.2.1"), "without networks all may");
        listener.networks = ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"]
            .map(|text| text.parse().expect("a network"))
            .into();
        for (address, is_let_in) in [
            ("10.255.0.1", true),
            ("::ffff:10.0.0.1", true),
            ("11.0.0.1", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("2001:db8:1::1", true),
            ("2001:db9::1", false),
        ] {
            assert_eq!(lets_in(&listener, address), is_let_in, "{address}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", "10.0.0.0/33", "10.0.0", "localhost", "10.0.0.0/8, 11.0.0.0/8", "::/129"] {
            assert_eq!(text.parse::<Network>(), Err(NoNetwork), "{text}");
        }
    }
}
