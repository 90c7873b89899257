//! A user: somebody in an account, with access keys.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::access_key::AccessKey;
use super::entity::{Entity, EntityKey};
use super::key_holder::{Holder, KeyHolder};
use super::principal::{Grants, Tags, principal};
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
    pub tags: Tags,
    /// Access keys, the oldest first.
    pub access_keys: Vec<AccessKey>,
    /// The groups that it is in, by their names as they were created.
    pub groups: BTreeSet<String>,
    /// What it is allowed, besides what its groups are.
    pub grants: Grants,
    /// ARN of the managed policy that bounds what it is allowed.
    pub boundary: Option<String>,
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
            tags: Tags::new(),
            access_keys: Vec::new(),
            groups: BTreeSet::new(),
            grants: Grants::default(),
            boundary: None,
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
        let holder = Holder::of(self);
        self.access_keys.iter().map(|key| KeyHolder::new(key, &account, holder.clone())).collect()
    }
}

principal!(User, 2_048);
