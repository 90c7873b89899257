//! Where requests go, and who signs them.

use sluice_wire::{Signer, SigningIdentity};

/// An endpoint without TLS, and the identity that calls it.
#[derive(Debug, Clone)]
pub struct Target {
    /// Host and port, as the `Host` header carries them.
    pub authority: String,
    /// Region that requests are signed for.
    pub region: String,
    /// Who signs.
    pub credentials: Credentials,
}

/// Who signs requests.
#[derive(Clone)]
pub struct Credentials {
    /// Access key id.
    pub access_key_id: String,
    /// Secret access key.
    pub secret_access_key: String,
    /// Session token of temporary credentials.
    pub session_token: Option<String>,
}

/// Without the secrets.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

impl Target {
    pub(crate) fn signer(&self) -> Signer {
        Signer::new(&SigningIdentity {
            access_key_id: &self.credentials.access_key_id,
            secret_access_key: &self.credentials.secret_access_key,
            session_token: self.credentials.session_token.as_deref(),
            region: &self.region,
            service: "sqs",
        })
    }

    /// How reports name it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.authority)
    }

    /// Address to connect to; the port of HTTP is 80.
    pub(crate) fn address(&self) -> String {
        let has_port = self
            .authority
            .rsplit_once(':')
            .is_some_and(|(_, port)| port.parse::<u16>().is_ok() && !port.is_empty());
        if has_port { self.authority.clone() } else { format!("{}:80", self.authority) }
    }
}
