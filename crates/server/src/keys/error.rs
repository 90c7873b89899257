//! Why a key cannot be used, in the words of AWS.

/// Keys cannot be changed any more: the store failed, or the server stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the keys cannot be changed after a fault of the store")]
pub struct KeysStopped;

/// Why a key cannot be used or changed. What it displays is for the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// There is no such key, or alias, or it cannot be one.
    #[error("{0}")]
    NotFound(String),
    /// An ARN of something else.
    #[error("{0} is not an ARN that names a key here.")]
    InvalidArn(String),
    /// It is disabled.
    #[error("{0} is disabled.")]
    Disabled(String),
    /// It is about to be deleted, or not so.
    #[error("{0}")]
    InvalidState(String),
    /// The caller may not.
    #[error("{0}")]
    AccessDenied(String),
    /// It was changed, or made for another encryption context, or is no ciphertext at all.
    #[error("")]
    InvalidCiphertext,
    /// Another key made it.
    #[error("The key ID in the request does not identify a CMK that can perform this operation.")]
    IncorrectKey,
    /// There is nothing that material could be sealed with.
    #[error(
        "This server has no master key, and so no KMS keys: whoever runs it has to set master_key_file."
    )]
    NoMasterKey,
    /// Its material does not open: it is damaged.
    #[error("The key material cannot be read.")]
    UnreadableMaterial,
    /// Nothing can be changed.
    #[error(transparent)]
    Stopped(#[from] KeysStopped),
}

impl KeyError {
    /// There is no such key.
    pub(crate) fn no_such_key(arn: &str) -> Self {
        Self::NotFound(format!("Key '{arn}' does not exist"))
    }

    /// There is no such alias.
    pub(crate) fn no_such_alias(arn: &str) -> Self {
        Self::NotFound(format!("Alias {arn} is not found."))
    }

    /// It cannot be the id of a key.
    pub(crate) fn no_key_id(text: &str) -> Self {
        Self::NotFound(format!("Invalid keyId '{text}'"))
    }
}
