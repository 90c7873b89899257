//! Settings of a listener: those of the one that every server has, which stand at the top of the file, and those of further
//! ones, each in a section `[listeners.NAME]`.

use std::path::PathBuf;
use std::sync::Arc;

use sluice_server::config::{
    EndpointPolicy, Forwarded, ListenAddress, ListenerConfig, Network, VpcEndpoint,
};
use sluice_server::services::Switch;
use sluice_server::tls::TlsFiles;

use super::key::{FileType, Key};
use super::row::{file_key, is_on, listed, networks_key, path_or_none, split, switch, switch_key};

/// Listeners besides the one that every server has; each accept looks at all of them.
pub(super) const FURTHER_MAX: usize = 32;
/// Who may connect to a socket in the file system unless it is said: the user and the group that the server runs as.
const MODE: u32 = 0o660;
/// AWS's ids have one of these numbers of hexadecimal digits.
const ID_DIGITS: [usize; 2] = [8, 17];
/// Longest name.
const NAME_BYTES_MAX: usize = 32;

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct ListenerSettings {
    /// Of further listeners; the settings say it otherwise for the one that every server has.
    pub(crate) address: Option<ListenAddress>,
    pub(crate) mode: u32,
    /// PEM; TLS needs both this and the key.
    pub(crate) tls_certificate_file: Option<PathBuf>,
    pub(crate) tls_key_file: Option<PathBuf>,
    /// Authorities of clients that have to show a certificate.
    pub(crate) tls_client_ca_file: Option<PathBuf>,
    pub(crate) plain_http: Switch,
    pub(crate) forwarded: Switch,
    pub(crate) networks: Vec<Network>,
    pub(crate) vpce: Option<String>,
    pub(crate) vpc: Option<String>,
    pub(crate) policy_file: Option<PathBuf>,
}

impl Default for ListenerSettings {
    fn default() -> Self {
        Self {
            address: None,
            mode: MODE,
            tls_certificate_file: None,
            tls_key_file: None,
            tls_client_ca_file: None,
            plain_http: Switch::Off,
            forwarded: Switch::Off,
            networks: Vec::new(),
            vpce: None,
            vpc: None,
            policy_file: None,
        }
    }
}

/// Whether a further listener may be called so.
pub(super) fn is_name(text: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    (1..=NAME_BYTES_MAX).contains(&text.len()) && text.chars().all(is_allowed)
}

fn is_id(text: &str, prefix: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.strip_prefix(prefix)
        .is_some_and(|id| ID_DIGITS.contains(&id.len()) && id.bytes().all(is_digit))
}

/// A mode of a file: three octal digits, or four with a zero before them.
fn file_mode(text: &str) -> Option<u32> {
    let digits = text.strip_prefix('0').filter(|rest| rest.len() == 3).unwrap_or(text);
    let is_mode = digits.len() == 3 && digits.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    u32::from_str_radix(is_mode.then_some(digits)?, 8).ok()
}

/// Every setting of a further listener.
pub(crate) static LISTENER_KEYS: &[Key<ListenerSettings>] = &[
    Key {
        name: "address",
        file_type: FileType::Text,
        wants: "an address and a port such as 10.0.0.5:9325",
        help: "Address to listen on; port 0 picks a free one. As with `listen`, `serve` wants TLS here on addresses that other machines reach.",
        set: |listener, text| {
            listener.address = Some(ListenAddress::Tcp(text.parse().ok()?));
            Some(())
        },
        get: |listener| match &listener.address {
            Some(ListenAddress::Tcp(address)) => address.to_string(),
            Some(ListenAddress::Unix { .. }) | None => "(none)".to_owned(),
        },
    },
    Key {
        name: "socket",
        file_type: FileType::Text,
        wants: "the path of a socket",
        help: "Unix socket to listen on instead: made at the start, removed at the end.",
        set: |listener, text| {
            let path = PathBuf::from((!text.is_empty()).then_some(text)?);
            listener.address = Some(ListenAddress::Unix { path, mode: MODE });
            Some(())
        },
        get: |listener| match &listener.address {
            Some(ListenAddress::Unix { path, .. }) => path.display().to_string(),
            Some(ListenAddress::Tcp(_)) | None => "(none)".to_owned(),
        },
    },
    Key {
        name: "mode",
        file_type: FileType::Text,
        wants: "the mode of a file in octal digits, quoted in the file, such as \"0600\"",
        help: "Mode of that socket: who may write to it may connect.",
        set: |listener, text| {
            listener.mode = file_mode(text)?;
            Some(())
        },
        get: |listener| format!("{:04o}", listener.mode),
    },
    networks_key!(
        "allow_networks",
        networks,
        "Networks that may connect; connections from elsewhere are closed before anything is read. Without it, all may."
    ),
    file_key!(
        "tls.certificate_file",
        tls_certificate_file,
        "As `tls.certificate_file`, for this listener; that of another is not used here."
    ),
    file_key!("tls.key_file", tls_key_file, "As `tls.key_file`, for this listener."),
    file_key!(
        "tls.client_ca_file",
        tls_client_ca_file,
        "As `tls.client_ca_file`, for this listener."
    ),
    switch_key!("allow_plain_http", plain_http, "As `allow_plain_http`, for this listener."),
    switch_key!(
        "trust_forwarded_headers",
        forwarded,
        "As `trust_forwarded_headers`, for this listener."
    ),
    Key {
        name: "vpce",
        file_type: FileType::Text,
        wants: "the id of a VPC endpoint: vpce- and 8 or 17 hexadecimal digits",
        help: "Makes the listener a VPC endpoint: requests that come through it have this as `aws:SourceVpce`, the address of the client as \
               `aws:VpcSourceIp`, and no `aws:SourceIp`.",
        set: |listener, text| {
            listener.vpce = Some(is_id(text, "vpce-").then(|| text.to_owned())?);
            Some(())
        },
        get: |listener| listener.vpce.clone().unwrap_or_else(|| "(none)".to_owned()),
    },
    Key {
        name: "vpc",
        file_type: FileType::Text,
        wants: "the id of a VPC: vpc- and 8 or 17 hexadecimal digits",
        help: "What those requests have as `aws:SourceVpc`.",
        set: |listener, text| {
            listener.vpc = Some(is_id(text, "vpc-").then(|| text.to_owned())?);
            Some(())
        },
        get: |listener| listener.vpc.clone().unwrap_or_else(|| "(none)".to_owned()),
    },
    file_key!(
        "policy_file",
        policy_file,
        "File with the policy of the VPC endpoint, JSON: what may be done through it by those who may do it anyhow. Without it, everything."
    ),
];

impl ListenerSettings {
    /// The files for TLS, if there is to be TLS. `section` names them to who has to mend them.
    pub(crate) fn tls_files(&self, section: String) -> Option<TlsFiles> {
        let certificate_file = self.tls_certificate_file.clone()?;
        let key_file = self.tls_key_file.clone()?;
        let client_ca_file = self.tls_client_ca_file.clone();
        Some(TlsFiles { section, certificate_file, key_file, client_ca_file })
    }

    /// Where a further listener listens; it is checked that it does.
    pub(crate) fn address(&self) -> Option<ListenAddress> {
        match self.address.clone()? {
            ListenAddress::Unix { path, .. } => Some(ListenAddress::Unix { path, mode: self.mode }),
            address @ ListenAddress::Tcp(_) => Some(address),
        }
    }

    /// The configuration of the listener, which listens at `address`.
    pub(crate) fn config(&self, address: ListenAddress, tls: Option<TlsFiles>) -> ListenerConfig {
        ListenerConfig {
            tls,
            plain_http: self.plain_http,
            forwarded: match self.forwarded {
                Switch::On => Forwarded::Trusted,
                Switch::Off => Forwarded::Ignored,
            },
            networks: self.networks.clone(),
            ..ListenerConfig::new(address)
        }
    }

    /// The VPC endpoint that it is, if it is one.
    pub(crate) fn endpoint(
        &self,
        account: &str,
        policy: Option<EndpointPolicy>,
    ) -> Option<Arc<VpcEndpoint>> {
        let (id, vpc, account) = (self.vpce.clone()?, self.vpc.clone(), account.to_owned());
        Some(Arc::new(VpcEndpoint { id, vpc, account, policy }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_values_are_refused_and_good_ones_are_shown_as_they_are() {
        for (name, text, is_good) in [
            ("address", "10.0.0.5:9325", true),
            ("address", "10.0.0.5", false),
            ("socket", "/run/sluice.sock", true),
            ("socket", "", false),
            ("mode", "0600", true),
            ("mode", "0666", true),
            ("mode", "888", false),
            ("mode", "4755", false),
            ("mode", "rw", false),
            ("allow_networks", "10.0.0.0/8, 2001:db8::/32", true),
            ("allow_networks", "", false),
            ("allow_networks", "10.0.0.0/8,", false),
            ("allow_networks", "10.0.0.0/33", false),
            ("vpce", "vpce-0123456789abcdef0", true),
            ("vpce", "vpce-01234567", true),
            ("vpce", "vpce-0123456789ABCDEF0", false),
            ("vpce", "vpc-01234567", false),
            ("vpc", "vpc-01234567", true),
            ("vpc", "vpc-0123", false),
        ] {
            let key = LISTENER_KEYS.iter().find(|key| key.name == name).expect("it is there");
            let mut listener = ListenerSettings::default();
            let set = (key.set)(&mut listener, text);
            assert_eq!(set.is_some(), is_good, "{name} = {text}");
            assert!(!is_good || (key.get)(&listener) == text, "{name} = {text}");
        }
    }

    #[test]
    fn a_mode_of_three_digits_is_one() {
        assert_eq!((file_mode("600"), file_mode("0600")), (Some(0o600), Some(0o600)));
    }
}
