//! What all entities have in common: an account, a name, a row.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::key_holder::KeyHolder;
use super::snapshot::{Snapshot, Table};

/// Names an entity among those of its kind. Names are not distinguished by case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntityKey {
    /// 12-digit account id.
    pub(super) account: String,
    /// In lower case.
    pub(super) name: String,
}

impl EntityKey {
    /// Makes the key of a name.
    pub fn new(account: &str, name: &str) -> Self {
        Self { account: account.to_owned(), name: name.to_ascii_lowercase() }
    }
}

/// A kind of entity: one row each.
pub trait Entity: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Letter of its table in the store.
    const TABLE: u8;
    /// What errors call it.
    const KIND: &'static str;

    /// Its key.
    fn key(&self) -> EntityKey;

    /// The entities of this kind.
    #[doc(hidden)]
    fn table(snapshot: &Snapshot) -> &Table<Self>;

    /// The entities of this kind, to be changed.
    #[doc(hidden)]
    fn table_mut(snapshot: &mut Snapshot) -> &mut Table<Self>;

    /// Its access keys.
    fn key_holders(&self) -> Vec<KeyHolder>;
}
