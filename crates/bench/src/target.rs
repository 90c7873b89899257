//! Where requests go, and who signs them.

use sluice_wire::{Signer, SigningIdentity};

use crate::tls::Tls;

/// An endpoint, and the identity that calls it.
#[derive(Debug, Clone)]
pub struct Target {
    /// Host and port, as the `Host` header carries them.
    pub authority: String,
    /// How to speak TLS, if the endpoint does.
    pub tls: Option<Tls>,
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
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.authority)
    }

    /// Address to connect to, with the port of the scheme if there is none.
    pub(crate) fn address(&self) -> String {
        let port = if self.tls.is_some() { 443 } else { 80 };
        match self.split() {
            (_, Some(_)) => self.authority.clone(),
            (_, None) => format!("{}:{port}", self.authority),
        }
    }

    /// The name or address that a certificate has to be for.
    pub(crate) fn host(&self) -> &str {
        self.split().0.trim_start_matches('[').trim_end_matches(']')
    }

    /// Host and port; an IPv6 address is in brackets, so that what follows its last colon is no number.
    fn split(&self) -> (&str, Option<u16>) {
        let split = self.authority.rsplit_once(':');
        match split.and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?))) {
            Some((host, port)) => (host, Some(port)),
            None => (&self.authority, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_found_with_and_without_a_port() {
        for (authority, address, host) in [
            (
                "sqs.us-east-1.amazonaws.com",
                "sqs.us-east-1.amazonaws.com:80",
                "sqs.us-east-1.amazonaws.com",
            ),
            ("localhost:9324", "localhost:9324", "localhost"),
            ("[::1]:9324", "[::1]:9324", "::1"),
            ("[::1]", "[::1]:80", "::1"),
        ] {
            let credentials = Credentials {
                access_key_id: "a".to_owned(),
                secret_access_key: "s".to_owned(),
                session_token: None,
            };
            let (authority, region) = (authority.to_owned(), "us-east-1".to_owned());
            let target = Target { authority, tls: None, region, credentials };
            assert_eq!((target.address().as_str(), target.host()), (address, host));
        }
    }
}
