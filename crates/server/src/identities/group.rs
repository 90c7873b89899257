//! A group: policies for the users that are in it. Users know their groups.

use serde::{Deserialize, Serialize};

use super::entity::{Entity, EntityKey};
use super::key_holder::KeyHolder;
use super::principal::{Grants, principal};
use super::snapshot::{Snapshot, Table};
use super::unique_id;

/// What is stored of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// 12-digit account id.
    pub account: String,
    /// As it was created.
    pub name: String,
    /// Begins and ends with a slash.
    pub path: String,
    /// `AGPA…`
    pub unique_id: String,
    /// When it was created, epoch milliseconds.
    pub created_at_ms: u64,
    /// What its users are allowed.
    pub grants: Grants,
}

impl Group {
    /// Makes a group.
    pub fn new(account: &str, path: &str, name: &str, now_ms: u64) -> Self {
        Self {
            account: account.to_owned(),
            name: name.to_owned(),
            path: path.to_owned(),
            unique_id: unique_id::new("AGPA"),
            created_at_ms: now_ms,
            grants: Grants::default(),
        }
    }
}

impl Entity for Group {
    const TABLE: u8 = b'g';
    const KIND: &'static str = "group";

    fn key(&self) -> EntityKey {
        EntityKey::new(&self.account, &self.name)
    }

    fn table(snapshot: &Snapshot) -> &Table<Self> {
        &snapshot.groups
    }

    fn table_mut(snapshot: &mut Snapshot) -> &mut Table<Self> {
        &mut snapshot.groups
    }

    fn key_holders(&self) -> Vec<KeyHolder> {
        Vec::new()
    }
}

principal!(Group, 5_120);
