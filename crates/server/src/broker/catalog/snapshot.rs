//! Every queue at one moment. A copy shares what has not changed, so a change costs the same however many queues there are.

use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};

use rpds::{HashTrieMapSync, RedBlackTreeMapSync, RedBlackTreeSetSync};

use crate::broker::queue::{PartitionPlace, Queue, QueueKey};

/// Comes before every queue's key.
const FIRST: QueueKey =
    QueueKey { account: String::new(), region: String::new(), name: String::new() };

/// Every queue at one moment.
#[derive(Debug, Clone, Default)]
pub(in crate::broker) struct Snapshot {
    queues: RedBlackTreeMapSync<Arc<QueueKey>, Arc<Queue>>,
    /// Whose the partitions are.
    owners: HashTrieMapSync<u64, Arc<QueueKey>>,
    /// Dead-letter queues, which need not exist, with the queues whose dead letters go there.
    sources: RedBlackTreeSetSync<(QueueKey, QueueKey)>,
}

impl Snapshot {
    pub(in crate::broker) fn get(&self, key: &QueueKey) -> Option<&Arc<Queue>> {
        self.queues.get(key)
    }

    /// The queue that a partition belongs to.
    pub(in crate::broker) fn owner(&self, partition: u64) -> Option<(Arc<Queue>, PartitionPlace)> {
        let queue = self.queues.get(&**self.owners.get(&partition)?)?;
        let place = queue.partitions.iter().find(|place| place.partition == partition)?;
        Some((Arc::clone(queue), *place))
    }

    /// Whether a partition belongs to a queue.
    pub(in crate::broker) fn has_partition(&self, partition: u64) -> bool {
        self.owners.contains_key(&partition)
    }

    /// The queues by account, region and name.
    pub(in crate::broker) fn queues(&self) -> impl Iterator<Item = &Arc<Queue>> {
        self.queues.values()
    }

    /// The queues from a key on.
    pub(in crate::broker) fn queues_from(
        &self,
        start: Bound<QueueKey>,
    ) -> impl Iterator<Item = &Arc<Queue>> {
        self.queues.range::<QueueKey, _>((start, Bound::Unbounded)).map(|(_, queue)| queue)
    }

    /// The queues whose dead letters go to `target`.
    pub(super) fn sources(&self, target: &QueueKey) -> Vec<QueueKey> {
        let range = self.sources.range((target.clone(), FIRST)..);
        let of_target = range.take_while(|(to, _)| to == target);
        of_target.map(|(_, source)| source.clone()).collect()
    }

    /// Adds or replaces a queue; returns the one that it replaces.
    pub(super) fn insert(&mut self, queue: Queue) -> Option<Arc<Queue>> {
        let replaced = self.remove(&queue.key);
        let key = Arc::new(queue.key.clone());
        for place in &queue.partitions {
            self.owners.insert_mut(place.partition, Arc::clone(&key));
        }
        if let Some(link) = link(&queue) {
            self.sources.insert_mut(link);
        }
        self.queues.insert_mut(key, Arc::new(queue));
        replaced
    }

    pub(super) fn remove(&mut self, key: &QueueKey) -> Option<Arc<Queue>> {
        let queue = self.queues.get(key).cloned()?;
        self.queues.remove_mut(key);
        for place in &queue.partitions {
            self.owners.remove_mut(&place.partition);
        }
        if let Some(link) = link(&queue) {
            self.sources.remove_mut(&link);
        }
        Some(queue)
    }
}

/// A queue's dead-letter queue, and the queue itself.
fn link(queue: &Queue) -> Option<(QueueKey, QueueKey)> {
    let redrive = queue.attributes.redrive_policy.as_ref()?;
    Some((redrive.target.clone(), queue.key.clone()))
}

/// The published snapshot. The lock is held only to copy a few pointers.
#[derive(Debug, Clone, Default)]
pub(in crate::broker) struct Published(Arc<RwLock<Arc<Snapshot>>>);

impl Published {
    pub(in crate::broker) fn get(&self) -> Arc<Snapshot> {
        // A pointer swap cannot leave the snapshot half written, so a poisoned lock is as good as any.
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn set(&self, snapshot: Snapshot) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
    }

    /// Publishes one queue, for tests of what reads it.
    #[cfg(test)]
    pub(in crate::broker) fn of(queue: Queue) -> Self {
        let mut snapshot = Snapshot::default();
        snapshot.insert(queue);
        Self(Arc::new(RwLock::new(Arc::new(snapshot))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::queue::Redrive;
    use crate::broker::testing::queue_with_partition;

    fn named(name: &str, partition: u64, target: Option<&str>) -> Queue {
        let mut queue = queue_with_partition(partition);
        let key = |name: &str| QueueKey { name: name.to_owned(), ..queue.key.clone() };
        let redrive = target.map(|target| Redrive { target: key(target), receives_max: 1 });
        queue.key = key(name);
        queue.attributes.redrive_policy = redrive;
        queue
    }

    #[test]
    fn queues_are_found_by_name_by_partition_and_by_dead_letter_queue() {
        let mut snapshot = Snapshot::default();
        assert!(snapshot.insert(named("a", 1, Some("z"))).is_none());
        snapshot.insert(named("b", 2, Some("y")));
        snapshot.insert(named("c", 3, Some("z")));
        let old = snapshot.clone();
        assert!(snapshot.insert(named("c", 3, Some("y"))).is_some());
        snapshot.remove(&named("a", 1, None).key);

        let target = named("z", 0, None).key;
        let names = |keys: Vec<QueueKey>| keys.into_iter().map(|it| it.name).collect::<Vec<_>>();
        assert_eq!(names(old.sources(&target)), ["a", "c"]);
        assert_eq!(names(snapshot.sources(&target)), Vec::<String>::new());
        assert_eq!(names(snapshot.sources(&named("y", 0, None).key)), ["b", "c"]);
        assert!(old.owner(1).is_some() && snapshot.owner(1).is_none());
        assert_eq!(snapshot.owner(3).expect("it exists").0.key.name, "c");
        assert_eq!(snapshot.queues().count(), 2);
        let from = snapshot.queues_from(Bound::Excluded(named("b", 0, None).key));
        assert_eq!(names(from.map(|queue| queue.key.clone()).collect()), ["c"]);
    }
}
