//! A managed policy: a policy of its own, with versions, that is attached to users, groups and roles.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::aws_managed::AWS;
use super::entity::{Entity, EntityKey};
use super::key_holder::KeyHolder;
use super::principal::{self, Tags, parsed_arn};
use super::snapshot::{Snapshot, Table};
use super::unique_id;

/// What is stored of a managed policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagedPolicy {
    /// 12-digit account id.
    pub account: String,
    /// As it was created.
    pub name: String,
    /// Begins and ends with a slash.
    pub path: String,
    /// `ANPA…`
    pub unique_id: String,
    /// When it was created, epoch milliseconds.
    pub created_at_ms: u64,
    /// When its default version was set, epoch milliseconds.
    pub updated_at_ms: u64,
    /// `Description`
    pub description: Option<String>,
    /// Tags by key.
    pub tags: Tags,
    /// The versions that there are, the oldest first.
    pub versions: Vec<PolicyVersion>,
    /// Number of the version that counts.
    pub default_version: u32,
    /// Number of the next version; none is used twice.
    pub next_version: u32,
}

/// A version of a managed policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyVersion {
    /// The number in `v1`.
    pub number: u32,
    /// JSON text as it was given.
    pub document: String,
    /// When it was created, epoch milliseconds.
    pub created_at_ms: u64,
}

impl ManagedPolicy {
    /// Makes a policy with its first version.
    pub fn new(account: &str, path: &str, name: &str, document: String, now_ms: u64) -> Self {
        Self {
            account: account.to_owned(),
            name: name.to_owned(),
            path: path.to_owned(),
            unique_id: unique_id::new("ANPA"),
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
            description: None,
            tags: Tags::new(),
            versions: vec![PolicyVersion { number: 1, document, created_at_ms: now_ms }],
            default_version: 1,
            next_version: 2,
        }
    }

    /// Finds a policy by its ARN.
    pub fn by_arn<'a>(snapshot: &'a Snapshot, arn: &str) -> Option<&'a Arc<Self>> {
        let (account, path, name) = parsed_arn(arn, Self::KIND)?;
        let policy = snapshot.get::<Self>(&EntityKey::new(account, name))?;
        // ARNs are distinguished by case.
        (policy.path == path && policy.name == name).then_some(policy)
    }

    /// Amazon resource name: `arn:aws:iam::<account>:policy/<path>/<name>`.
    pub fn arn(&self) -> String {
        principal::arn(&self.account, Self::KIND, &self.path, &self.name)
    }

    /// Whether it is one of AWS's.
    pub fn is_of_aws(&self) -> bool {
        self.account == AWS
    }

    /// Makes a version count.
    pub fn set_default(&mut self, number: u32, now_ms: u64) {
        self.default_version = number;
        self.updated_at_ms = now_ms;
    }

    /// Finds a version.
    pub fn version(&self, number: u32) -> Option<&PolicyVersion> {
        self.versions.iter().find(|version| version.number == number)
    }
}

impl Entity for ManagedPolicy {
    const TABLE: u8 = b'p';
    const KIND: &'static str = "policy";

    fn key(&self) -> EntityKey {
        EntityKey::new(&self.account, &self.name)
    }

    fn table(snapshot: &Snapshot) -> &Table<Self> {
        &snapshot.policies
    }

    fn table_mut(snapshot: &mut Snapshot) -> &mut Table<Self> {
        &mut snapshot.policies
    }

    fn key_holders(&self) -> Vec<KeyHolder> {
        Vec::new()
    }
}
