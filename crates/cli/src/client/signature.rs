//! Credentials from the environment, and the signature that they make.

use std::time::{SystemTime, UNIX_EPOCH};

use sluice_wire::{SigningIdentity, SigningRequest, sign};

/// Who signs requests.
#[derive(Clone)]
pub(crate) struct Credentials {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
}

impl Credentials {
    /// Takes the standard AWS variables, if they are set.
    pub(crate) fn given() -> Option<Self> {
        let variable = |name| std::env::var(name).ok().filter(|text: &String| !text.is_empty());
        Some(Self {
            access_key_id: variable("AWS_ACCESS_KEY_ID")?,
            secret_access_key: variable("AWS_SECRET_ACCESS_KEY")?,
            session_token: variable("AWS_SESSION_TOKEN"),
        })
    }

    /// The same; a server for development accepts the stand-in as well.
    pub(super) fn given_or_stand_in() -> Self {
        Self::given().unwrap_or_else(|| Self {
            access_key_id: "sluice".to_owned(),
            secret_access_key: "sluice".to_owned(),
            session_token: None,
        })
    }

    /// Returns the headers that sign a `POST /` with these headers and this body.
    pub(super) fn sign(
        &self,
        service: &str,
        region: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Vec<(&'static str, String)> {
        let request = SigningRequest { method: "POST", path: "/", headers, body };
        let identity = SigningIdentity {
            access_key_id: &self.access_key_id,
            secret_access_key: &self.secret_access_key,
            session_token: self.session_token.as_deref(),
            region,
            service,
        };
        sign(&request, &identity, unix_secs())
    }
}

impl From<Credentials> for sluice_bench::Credentials {
    fn from(credentials: Credentials) -> Self {
        let Credentials { access_key_id, secret_access_key, session_token } = credentials;
        Self { access_key_id, secret_access_key, session_token }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a signature carries the real time; nothing here waits or decides by it"
)]
fn unix_secs() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
