//! Temporary credentials in answers.

use serde::Serialize;
use sluice_wire::{AwsError, Timestamp};

use super::errors;
use crate::identities::{Secret, Session, TOKEN_BYTES_MAX};
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
    /// The credentials of a session, with its token. What does not fit into one is refused.
    pub(super) fn of(context: &Context, session: &Session) -> Result<Self, AwsError> {
        let session_token = context.identities.session_token(session);
        let bytes = session_token.expose().len();
        if bytes > TOKEN_BYTES_MAX {
            let percent = (bytes * 100).div_ceil(TOKEN_BYTES_MAX);
            return Err(errors::packed_policy_too_large(percent));
        }
        Ok(Self {
            access_key_id: session.access_key_id.clone(),
            secret_access_key: session.secret.clone(),
            session_token,
            expiration: Timestamp(session.expires_at_ms),
        })
    }
}
