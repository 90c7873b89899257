//! Queues for tests.

use std::collections::BTreeMap;

use super::{
    DeduplicationScope, Derived, PartitionPlace, Queue, QueueAttributes, QueueKey, QueueKind,
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
