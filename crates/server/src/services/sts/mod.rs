//! STS: one file per operation, one line each in [`SERVICE`].
//!
//! Behaviour is copied from `reference/neighbours.md` §6.2. What AWS does not establish is decided here and listed in
//! `docs/compatibility.md`.

mod assume_role;
mod get_access_key_info;
mod get_caller_identity;
mod get_federation_token;
mod get_session_token;

mod credentials;
mod errors;
mod model;
mod permanent_credentials;
mod session_policy;
mod session_tags;

use super::{OperationEntry, Service};

pub use model::MODEL;

/// STS.
pub static SERVICE: Service = Service {
    model: &MODEL,
    operations: &[
        OperationEntry::of::<assume_role::AssumeRole>(),
        OperationEntry::of::<get_access_key_info::GetAccessKeyInfo>(),
        OperationEntry::of::<get_caller_identity::GetCallerIdentity>(),
        OperationEntry::of::<get_federation_token::GetFederationToken>(),
        OperationEntry::of::<get_session_token::GetSessionToken>(),
    ],
};
