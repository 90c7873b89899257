//! Queues for tests.

use std::collections::BTreeMap;

use sluice_engine::{Policy, QueueConfig};

use super::shard::Settings;
use super::{
    DeduplicationScope, Derived, PartitionPlace, Queue, QueueAttributes, QueueKey, QueueKind,
};

/// Settings of a standard queue whose messages live for a minute.
pub(super) const SETTINGS: Settings = Settings {
    config: QueueConfig {
        retention_ms: 60_000,
        in_flight_max: 100,
        visibility_max_ms: 43_200_000,
        dead_letters: None,
        policy: Policy::Standard { back_of_queue_receives: None },
    },
    version: 0,
};

/// A standard queue with default attributes and one partition.
pub(crate) fn queue_with_partition(partition: u64) -> Queue {
    Queue {
        key: QueueKey {
            account: "000000000000".to_owned(),
            region: "us-east-1".to_owned(),
            name: "queue".to_owned(),
        },
        kind: QueueKind::Standard,
        attributes: QueueAttributes::default(),
        tags: BTreeMap::new(),
        created_at_ms: 0,
        modified_at_ms: 0,
        purged_at_ms: None,
        deduplicates_by: DeduplicationScope::Queue,
        partitions: vec![PartitionPlace { partition, shard: 1 }],
        derived: Derived::default(),
    }
}
