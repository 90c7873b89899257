//! A trail: which recorded events of an account are delivered as files, and how far that has come.

use serde::{Deserialize, Serialize};

use super::entity::{Entity, EntityKey};
use super::key_holder::KeyHolder;
use super::principal::Tags;
use super::snapshot::{Snapshot, Table};
use crate::audit::Place;
use crate::trails::{Event, Selectors};

/// Services without regions, whose events trails take from everywhere.
const GLOBAL_SOURCES: [&str; 2] = ["iam.amazonaws.com", "sts.amazonaws.com"];

/// What is stored of a trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trail {
    /// 12-digit account id.
    pub account: String,
    /// The region in which it was created.
    pub home_region: String,
    /// As it was created.
    pub name: String,
    /// When it was created, epoch milliseconds.
    pub created_at_ms: u64,
    /// Where its files go.
    pub bucket: String,
    /// What their keys begin with.
    pub prefix: Option<String>,
    /// Whether it takes events of IAM and STS.
    pub has_global_services: bool,
    /// Whether it takes events of other regions.
    pub is_multi_region: bool,
    /// Tags by key.
    pub tags: Tags,
    /// Which events it takes.
    pub selectors: Selectors,
    /// Whether it takes any.
    pub is_logging: bool,
    /// When that was last begun, epoch milliseconds.
    pub started_at_ms: Option<u64>,
    /// When that was last ended, epoch milliseconds.
    pub stopped_at_ms: Option<u64>,
    /// How far it has come.
    pub delivery: Delivery,
}

/// How far the delivery of a trail has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// What is before this place in the audit log is delivered; none when there is nothing to be delivered.
    pub from: Option<Place>,
    /// When a file was last delivered, epoch milliseconds.
    pub delivered_at_ms: Option<u64>,
    /// When that was last tried, epoch milliseconds.
    pub tried_at_ms: Option<u64>,
    /// What went wrong then.
    pub error: Option<String>,
}

impl Trail {
    /// The key of a trail: every region has names of its own.
    pub fn key_of(account: &str, home_region: &str, name: &str) -> EntityKey {
        EntityKey::new(account, &format!("{home_region}/{name}"))
    }

    /// Amazon resource name.
    pub fn arn(&self) -> String {
        let Self { home_region, account, name, .. } = self;
        format!("arn:aws:cloudtrail:{home_region}:{account}:trail/{name}")
    }

    /// Whether it takes an event that occurs while it is logging.
    pub(crate) fn takes(&self, event: &Event<'_>) -> bool {
        let is_here = if GLOBAL_SOURCES.contains(&event.source) {
            self.has_global_services
        } else {
            self.is_multi_region || event.region == self.home_region
        };
        is_here && event.is_of(&self.account) && self.selectors.select(event)
    }
}

impl Entity for Trail {
    const TABLE: u8 = b't';
    const KIND: &'static str = "trail";

    fn key(&self) -> EntityKey {
        Self::key_of(&self.account, &self.home_region, &self.name)
    }

    fn table(snapshot: &Snapshot) -> &Table<Self> {
        &snapshot.trails
    }

    fn table_mut(snapshot: &mut Snapshot) -> &mut Table<Self> {
        &mut snapshot.trails
    }

    fn key_holders(&self) -> Vec<KeyHolder> {
        Vec::new()
    }
}
