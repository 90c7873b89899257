//! A user: somebody in an account, with access keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::access_key::AccessKey;
use super::entity::{Entity, EntityKey};
use super::key_holder::{Holder, KeyHolder};
use super::snapshot::{Snapshot, Table};
use super::unique_id;

/// What is stored of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// 12-digit account id.
    pub account: String,
    /// As it was created.
    pub name: String,
    /// Begins and ends with a slash.
    pub path: String,
    /// `AIDA…`
    pub unique_id: String,
    /// When it was created, epoch milliseconds.
    pub created_at_ms: u64,
    /// Tags by key.
    pub tags: BTreeMap<String, String>,
    /// Access keys, the oldest first.
    pub access_keys: Vec<AccessKey>,
}

impl User {
    /// Makes a user without access keys.
    pub fn new(account: &str, path: &str, name: &str, now_ms: u64) -> Self {
        Self {
            account: account.to_owned(),
            name: name.to_owned(),
            path: path.to_owned(),
            unique_id: unique_id::new("AIDA"),
            created_at_ms: now_ms,
            tags: BTreeMap::new(),
            access_keys: Vec::new(),
        }
    }
}

impl Entity for User {
    const TABLE: u8 = b'u';
    const KIND: &'static str = "user";

    fn key(&self) -> EntityKey {
        EntityKey::new(&self.account, &self.name)
    }

    fn table(snapshot: &Snapshot) -> &Table<Self> {
        &snapshot.users
    }

    fn table_mut(snapshot: &mut Snapshot) -> &mut Table<Self> {
        &mut snapshot.users
    }

    fn key_holders(&self) -> Vec<KeyHolder> {
        let account: Arc<str> = self.account.as_str().into();
        let holder = Holder::User {
            name: self.name.as_str().into(),
            path: self.path.as_str().into(),
            unique_id: self.unique_id.as_str().into(),
        };
        self.access_keys.iter().map(|key| KeyHolder::new(key, &account, holder.clone())).collect()
    }
}
