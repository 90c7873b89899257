//! Temporary credentials in answers.

use serde::Serialize;
use sluice_wire::Timestamp;

use crate::identities::{Secret, Session};
use crate::services::Context;

/// Temporary credentials.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Credentials {
    access_key_id: String,
    secret_access_key: Secret,
    session_token: Secret,
    expiration: Timestamp,
}

impl Credentials {
    /// The credentials of a session, with its token.
    pub(super) fn of(context: &Context, session: &Session) -> Self {
        Self {
            access_key_id: session.access_key_id.clone(),
            secret_access_key: session.secret.clone(),
            session_token: context.identities.session_token(session),
            expiration: Timestamp(session.expires_at_ms),
        }
    }
}
