//! Queues for the unit tests of the operations.

use std::collections::BTreeMap;

use crate::broker::{
    DeduplicationScope, Derived, PartitionPlace, Queue, QueueAttributes, QueueKey, QueueKind,
};

/// Time of the tests, epoch milliseconds.
pub(super) const NOW_MS: u64 = 1_800_000_000_000;

/// Names a queue of the test account.
pub(super) fn key(name: &str) -> QueueKey {
    QueueKey {
        account: "000000000000".to_owned(),
        region: "us-east-1".to_owned(),
        name: name.to_owned(),
    }
}

/// Makes a queue with default attributes, created a day ago.
pub(super) fn queue(name: &str, kind: QueueKind) -> Queue {
    let created_at_ms = NOW_MS - 86_400_000;
    Queue {
        key: key(name),
        kind,
        attributes: QueueAttributes::default(),
        tags: BTreeMap::new(),
        created_at_ms,
        modified_at_ms: created_at_ms,
        purged_at_ms: None,
        deduplicates_by: DeduplicationScope::Queue,
        partitions: vec![PartitionPlace { partition: 1, shard: 0 }],
        derived: Derived::default(),
    }
}
