//! What is bound to a ciphertext besides its key: whoever decrypts has to say the same.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Names and values that are bound to a ciphertext. They are no secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncryptionContext(pub BTreeMap<String, String>);

impl EncryptionContext {
    /// One name with a value.
    pub fn of(name: &str, value: &str) -> Self {
        Self(BTreeMap::from([(name.to_owned(), value.to_owned())]))
    }

    /// Whether it has every name of another with the same value.
    pub(super) fn contains(&self, other: &Self) -> bool {
        other.0.iter().all(|(name, value)| self.0.get(name) == Some(value))
    }

    /// Bytes that it has as JSON, where nothing needs an escape.
    pub fn bytes_count(&self) -> usize {
        let texts: usize = self.parts().map(|text| text.len() + r#""":"#.len()).sum();
        r"{}".len() + texts.saturating_sub(1)
    }

    /// Its parts in an order that does not depend on how it was given.
    pub(super) fn parts(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()])
    }
}
