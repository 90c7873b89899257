//! What is bound to a ciphertext besides its key: whoever decrypts has to say the same.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::services::InputKeys;

/// Names and values that are bound to a ciphertext. They are no secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncryptionContext(pub BTreeMap<String, String>);

impl EncryptionContext {
    /// One name with a value.
    pub fn of(name: &str, value: &str) -> Self {
        Self(BTreeMap::from([(name.to_owned(), value.to_owned())]))
    }

    /// Adds the condition keys that tell it: `kms:EncryptionContext:NAME` and `kms:EncryptionContextKeys`.
    pub(crate) fn add_to(&self, keys: InputKeys) -> InputKeys {
        if self.0.is_empty() {
            return keys;
        }
        let each = self.0.iter().fold(keys, |keys, (name, value)| {
            keys.with(&format!("kms:EncryptionContext:{name}"), [value.clone()])
        });
        each.with("kms:EncryptionContextKeys", self.0.keys().cloned())
    }

    /// Its parts in an order that does not depend on how it was given.
    pub(super) fn parts(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()])
    }
}
