//! What `GetSessionToken` and `GetFederationToken` have in common: a user or root asks with permanent credentials, and gets
//! temporary ones.

use sluice_wire::AwsError;

use super::errors;
use crate::identities::{Holder, Issuer};
use crate::services::Context;

/// How long they last, s.
pub(super) const SECS_MIN: i64 = 900;
pub(super) const SECS_MAX: i64 = 129_600;
const SECS_DEFAULT: u32 = 43_200;
/// Those that an account's root gets last for at most an hour.
const ROOT_SECS_MAX: u32 = 3_600;

/// The user that asks; none is the account's root.
pub(super) fn issuer(context: &Context, operation: &str) -> Result<Option<Issuer>, AwsError> {
    let identity = &context.identity;
    let key = identity.credentials();
    if key.is_some_and(|key| key.issued_at_ms.is_some()) {
        let text = format!("Cannot call {operation} with session credentials");
        return Err(errors::access_denied(text));
    }
    let path = match key.map(|key| &key.holder) {
        Some(Holder::User { path, .. }) => path,
        Some(Holder::Root | Holder::Role(_) | Holder::FederatedUser(_)) | None => "/",
    };
    Ok(identity.user_name().map(|name| Issuer {
        name: name.into_owned(),
        path: path.to_owned(),
        unique_id: identity.sender_id(),
    }))
}

/// How long what it gets lasts, s.
pub(super) fn secs(given: Option<i64>, issuer: Option<&Issuer>) -> u32 {
    let secs = given.and_then(|secs| u32::try_from(secs).ok()).unwrap_or(SECS_DEFAULT);
    match issuer {
        Some(_) => secs,
        None => secs.min(ROOT_SECS_MAX),
    }
}
