//! A role: policies for whoever is trusted to assume it, for a while.

use serde::{Deserialize, Serialize};

use super::entity::{Entity, EntityKey};
use super::key_holder::KeyHolder;
use super::principal::{Grants, Tags, principal};
use super::snapshot::{Snapshot, Table};
use super::unique_id;

/// What is stored of a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// 12-digit account id.
    pub account: String,
    /// As it was created.
    pub name: String,
    /// Begins and ends with a slash.
    pub path: String,
    /// `AROA…`
    pub unique_id: String,
    /// When it was created, epoch milliseconds.
    pub created_at_ms: u64,
    /// `AssumeRolePolicyDocument`: who may assume it.
    pub trust_policy: String,
    /// `Description`
    pub description: Option<String>,
    /// `MaxSessionDuration`, s.
    pub session_secs_max: u32,
    /// Tags by key.
    pub tags: Tags,
    /// What its sessions are allowed.
    pub grants: Grants,
    /// ARN of the managed policy that bounds what they are allowed.
    pub boundary: Option<String>,
}

impl Role {
    /// Makes a role without policies.
    pub fn new(account: &str, path: &str, name: &str, trust_policy: String, now_ms: u64) -> Self {
        Self {
            account: account.to_owned(),
            name: name.to_owned(),
            path: path.to_owned(),
            unique_id: unique_id::new("AROA"),
            created_at_ms: now_ms,
            trust_policy,
            description: None,
            session_secs_max: 3_600,
            tags: Tags::new(),
            grants: Grants::default(),
            boundary: None,
        }
    }
}

impl Entity for Role {
    const TABLE: u8 = b'r';
    const KIND: &'static str = "role";

    fn key(&self) -> EntityKey {
        EntityKey::new(&self.account, &self.name)
    }

    fn table(snapshot: &Snapshot) -> &Table<Self> {
        &snapshot.roles
    }

    fn table_mut(snapshot: &mut Snapshot) -> &mut Table<Self> {
        &mut snapshot.roles
    }

    fn key_holders(&self) -> Vec<KeyHolder> {
        Vec::new()
    }
}

principal!(Role, 10_240);
