//! Another name of a key.

use serde::{Deserialize, Serialize};

use super::place::Place;

/// Another name of a key, in its account and region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alias {
    /// Where it is.
    pub place: Place,
    /// With the prefix `alias/`.
    pub name: String,
    /// Id of the key.
    pub key_id: String,
    /// Epoch milliseconds.
    pub created_at_ms: u64,
    /// When it got this key, epoch milliseconds.
    pub updated_at_ms: u64,
}

impl Alias {
    /// What every name begins with.
    pub const PREFIX: &str = "alias/";

    /// Gives a key another name.
    pub fn new(place: Place, name: &str, key_id: &str, now_ms: u64) -> Self {
        let (name, key_id) = (name.to_owned(), key_id.to_owned());
        Self { place, name, key_id, created_at_ms: now_ms, updated_at_ms: now_ms }
    }

    /// Amazon resource name.
    pub fn arn(&self) -> String {
        self.place.arn(&self.name)
    }
}
