//! A queue that nobody uses leaves memory, and nobody can tell: what its clients see comes from its rows.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a failed test is meant to panic")]

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use sluice_server::broker::{Broker, BrokerConfig, DeleteOutcome, Queue, QueueKind};
use sluice_server::broker::{ReceiveOptions, Received, VisibilityOutcome};
use sluice_store::{
    Batch, CommitTicket, MemoryStore, Reader, Row, Shard, ShardId, Space, SpaceLeft, Store,
    StoreError, StoreStats,
};

mod broker_support;
use broker_support::{Virtual, bodies, clock, in_group, new_queue, outgoing, put};

/// Longer than a queue stays in memory that nobody uses.
const IDLE_MS: u64 = 40_000;
/// How long received messages stay hidden, s.
const HIDDEN_SECS: u32 = 600;
/// How long delayed ones do, s.
const DELAY_SECS: u32 = 300;

/// A store that counts how often its rows are read.
struct Watched {
    store: MemoryStore,
    reads: Arc<AtomicU64>,
}

struct WatchedShard(Box<dyn Shard>, Arc<AtomicU64>);

struct WatchedReader(Arc<dyn Reader>, Arc<AtomicU64>);

impl Store for Watched {
    fn open_shard(&self, shard: ShardId) -> Result<Box<dyn Shard>, StoreError> {
        Ok(Box::new(WatchedShard(self.store.open_shard(shard)?, Arc::clone(&self.reads))))
    }

    fn space_left(&self) -> SpaceLeft {
        self.store.space_left()
    }

    fn is_lost_to_full_disk(&self) -> bool {
        self.store.is_lost_to_full_disk()
    }

    fn can_be_reopened(&self) -> bool {
        self.store.can_be_reopened()
    }

    fn stats(&self) -> StoreStats {
        self.store.stats()
    }

    fn close(&self) -> Result<(), StoreError> {
        self.store.close()
    }
}

impl Shard for WatchedShard {
    fn commit(&mut self, batch: Batch) -> CommitTicket {
        self.0.commit(batch)
    }

    fn reader(&self) -> Arc<dyn Reader> {
        Arc::new(WatchedReader(self.0.reader(), Arc::clone(&self.1)))
    }

    fn erase_removed(&mut self) -> Result<(), StoreError> {
        self.0.erase_removed()
    }
}

impl Reader for WatchedReader {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.1.fetch_add(1, Ordering::AcqRel);
        self.0.get(space, key)
    }

    fn multi_get(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>, StoreError> {
        self.1.fetch_add(1, Ordering::AcqRel);
        self.0.multi_get(space, keys)
    }

    fn scan(
        &self,
        space: Space,
        range: Range<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.1.fetch_add(1, Ordering::AcqRel);
        self.0.scan(space, range, limit)
    }
}

/// A broker whose queues can be left alone.
struct Subject {
    broker: Broker,
    clock: Virtual,
    reads: Arc<AtomicU64>,
}

impl Subject {
    async fn start() -> Self {
        let (clock, reads) = (clock(), Arc::default());
        let store = Watched { store: MemoryStore::new(), reads: Arc::clone(&reads) };
        let config = BrokerConfig {
            shards: 1,
            in_flight_max: 10_000,
            visibility_timeout_secs_max: 43_200,
            encryption: None,
        };
        let broker = Broker::start(Arc::new(store), config, Arc::new(clock.clone())).await.unwrap();
        Self { broker, clock, reads }
    }

    /// Whether counting the queue's messages has to read them from the store.
    async fn is_closed(&self, queue: &Queue) -> bool {
        let before = self.reads.load(Ordering::Acquire);
        self.broker.counters(queue).await.unwrap();
        self.reads.load(Ordering::Acquire) > before
    }

    /// Lets time go by in which nobody uses the queues, until they have left memory.
    async fn leave_alone(&self, queues: &[&Arc<Queue>], for_ms: u64) {
        for queue in queues {
            assert!(!self.is_closed(queue).await, "it was used just now");
        }
        self.clock.0.fetch_add(for_ms, Ordering::AcqRel);
        self.broker.catch_up().await.unwrap();
        for queue in queues {
            assert!(self.is_closed(queue).await, "nobody used it for {for_ms} ms");
        }
    }

    async fn receive(&self, queue: &Queue, hidden_secs: u32) -> Vec<Received> {
        let options = ReceiveOptions {
            count_max: 10,
            wait_secs: 0,
            visibility_timeout_secs: hidden_secs,
            attempt_id: None,
        };
        self.broker.receive(queue, options).await.unwrap()
    }

    async fn delete(&self, queue: &Queue, received: &Received) -> DeleteOutcome {
        let receipt = self.broker.parse_receipt(queue, &received.receipt_handle).unwrap();
        self.broker.delete(queue, vec![receipt]).await.unwrap()[0]
    }

    async fn hide(&self, queue: &Queue, received: &Received, secs: u32) -> VisibilityOutcome {
        let receipt = self.broker.parse_receipt(queue, &received.receipt_handle).unwrap();
        self.broker.change_visibility(queue, vec![(receipt, secs)]).await.unwrap()[0]
    }
}

#[tokio::test]
async fn messages_in_flight_delayed_and_back_in_the_log_are_as_they_were() {
    let subject = Subject::start().await;
    let broker = &subject.broker;
    let queue = put(broker, new_queue("plain")).await;
    broker.send(&queue, vec![outgoing("back in the log")]).await.unwrap();
    for _ in 0..3 {
        assert_eq!(subject.receive(&queue, 0).await.len(), 1);
    }
    let names = ["deleted later", "hidden for longer", "visible later"];
    broker.send(&queue, names.map(outgoing).to_vec()).await.unwrap();
    let mut received = subject.receive(&queue, HIDDEN_SECS).await;
    assert_eq!(bodies(&received), ["back in the log", names[0], names[1], names[2]]);
    let returned = received.remove(0);
    subject.hide(&queue, &returned, 0).await;
    let delayed = broker_support::delayed("delayed", DELAY_SECS);
    broker.send(&queue, vec![outgoing("waits"), delayed]).await.unwrap();
    let before = broker.counters(&queue).await.unwrap();
    assert_eq!((before.visible, before.in_flight, before.delayed), (2, 3, 1));

    subject.leave_alone(&[&queue], IDLE_MS).await;
    assert_eq!(broker.counters(&queue).await.unwrap(), before);
    assert_eq!(subject.delete(&queue, &received[0]).await, DeleteOutcome::Deleted);
    let changed = subject.hide(&queue, &received[1], 2 * HIDDEN_SECS).await;
    assert_eq!(changed, VisibilityOutcome::Changed);
    // By the handle of an earlier receive, and again after the queue has left memory once more.
    subject.leave_alone(&[&queue], IDLE_MS).await;
    assert_eq!(subject.delete(&queue, &returned).await, DeleteOutcome::Deleted);
    assert_eq!(bodies(&subject.receive(&queue, 0).await), ["waits"]);
    assert_eq!(subject.receive(&queue, 0).await.len(), 1, "hidden ones stay hidden");

    // The delay ends, and then the timeouts do, while the queue is in memory no longer.
    subject.leave_alone(&[&queue], u64::from(DELAY_SECS) * 1_000).await;
    assert_eq!(subject.receive(&queue, 0).await.len(), 2, "the delayed one, too");
    subject.leave_alone(&[&queue], u64::from(HIDDEN_SECS - DELAY_SECS) * 1_000).await;
    let mut visible = subject.receive(&queue, 0).await;
    visible.sort_by(|left, right| left.message.body.cmp(&right.message.body));
    assert_eq!(bodies(&visible), ["delayed", "visible later", "waits"]);
    assert_eq!(visible[1].receive_count, 2);
    assert_eq!(visible[1].first_received_at_ms, received[2].first_received_at_ms);
    let counters = broker.counters(&queue).await.unwrap();
    assert_eq!((counters.visible, counters.in_flight, counters.delayed), (3, 1, 0));
}

#[tokio::test]
async fn groups_stay_locked_and_deduplication_remembers() {
    let subject = Subject::start().await;
    let broker = &subject.broker;
    let queue = put(broker, Queue { kind: QueueKind::Fifo, ..new_queue("jobs.fifo") }).await;
    let sent = [in_group("a", "a1"), in_group("a", "a2"), in_group("b", "b1")];
    let first = broker.send(&queue, sent.to_vec()).await.unwrap().remove(0);
    let in_flight = subject.receive(&queue, HIDDEN_SECS).await;
    assert_eq!(bodies(&in_flight), ["a1", "a2", "b1"]);
    // The group stays locked by the other message.
    subject.hide(&queue, &in_flight[1], 0).await;
    broker.send(&queue, vec![in_group("b", "b2"), in_group("c", "c1")]).await.unwrap();
    let before = broker.counters(&queue).await.unwrap();

    subject.leave_alone(&[&queue], IDLE_MS).await;
    assert_eq!(broker.counters(&queue).await.unwrap(), before);
    assert_eq!(bodies(&subject.receive(&queue, 0).await), ["c1"], "a and b are locked");
    let again = broker.send(&queue, vec![in_group("a", "a1")]).await.unwrap().remove(0);
    assert_eq!((again.id, again.sequence_number), (first.id, first.sequence_number.clone()));

    subject.leave_alone(&[&queue], IDLE_MS).await;
    assert_eq!(subject.delete(&queue, &in_flight[2]).await, DeleteOutcome::Deleted);
    assert_eq!(bodies(&subject.receive(&queue, 0).await), ["c1", "b2"]);

    // Five minutes after the send the same deduplication id is a new message.
    subject.leave_alone(&[&queue], 300_000).await;
    let new = broker.send(&queue, vec![in_group("a", "a1")]).await.unwrap().remove(0);
    assert_ne!(new.sequence_number, first.sequence_number);
    subject.leave_alone(&[&queue], u64::from(HIDDEN_SECS) * 1_000).await;
    let order = subject.receive(&queue, 0).await;
    let of_a = order.iter().filter(|it| it.message.group_id.as_deref() == Some("a"));
    let of_a: Vec<_> = of_a.map(|it| (it.message.body.as_str(), it.receive_count)).collect();
    assert_eq!(of_a, [("a1", 2), ("a2", 2), ("a1", 1)]);
    let late = subject.delete(&queue, &in_flight[0]).await;
    assert_eq!(late, DeleteOutcome::Expired, "its visibility timeout has ended");
}
