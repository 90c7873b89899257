//! Whose an access key is.

use std::sync::Arc;

use super::access_key::{AccessKey, KeyStatus};
use super::secret::Secret;

/// An access key and whose it is; what a signature is verified with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyHolder {
    /// `AKIA…`
    pub access_key_id: String,
    /// Signs requests.
    pub secret: Secret,
    /// Whether it is accepted.
    pub is_active: bool,
    /// 12-digit account id.
    pub account: Arc<str>,
    /// Whose it is in the account.
    pub holder: Holder,
}

/// Whose an access key is in its account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// The account's own.
    Root,
    /// A user's.
    User {
        /// As it was created.
        name: Arc<str>,
        /// Begins and ends with a slash.
        path: Arc<str>,
        /// `AIDA…`
        unique_id: Arc<str>,
    },
}

impl KeyHolder {
    /// Says whose a key is.
    pub(super) fn new(key: &AccessKey, account: &Arc<str>, holder: Holder) -> Self {
        Self {
            access_key_id: key.id.clone(),
            secret: key.secret.clone(),
            is_active: key.status == KeyStatus::Active,
            account: Arc::clone(account),
            holder,
        }
    }
}
