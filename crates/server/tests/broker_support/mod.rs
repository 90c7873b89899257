//! What the tests of the broker share: a store in memory, a clock that the test moves, queues and messages.
#![allow(dead_code, reason = "each test binary uses some of them")]

pub(crate) mod every_table;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use sluice_server::broker::{
    Broker, BrokerConfig, BrokerError, DeduplicationScope, Derived, Entry, Message, Outgoing,
    Queue, QueueAttributes, QueueChange, QueueKey, QueueKind, ReceiveOptions, Received, Redrive,
};
use sluice_server::clock::Clock;
use sluice_store::{MemoryStore, Store};
use uuid::Uuid;

/// A clock that the test moves.
#[derive(Debug, Clone)]
pub(crate) struct Virtual(pub(crate) Arc<AtomicU64>);

impl Clock for Virtual {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

pub(crate) fn clock() -> Virtual {
    Virtual(Arc::new(AtomicU64::new(1_700_000_000_000)))
}

/// Polls once.
pub(crate) fn is_pending<F: Future + ?Sized>(future: Pin<&mut F>) -> bool {
    matches!(future.poll(&mut Context::from_waker(Waker::noop())), Poll::Pending)
}

pub(crate) async fn start(store: &Arc<MemoryStore>, clock: &Virtual) -> Broker {
    start_with(store, clock, 43_200).await
}

pub(crate) async fn start_with(
    store: &Arc<MemoryStore>,
    clock: &Virtual,
    visibility_timeout_secs_max: u32,
) -> Broker {
    let store: Arc<dyn Store> = Arc::clone(store) as Arc<dyn Store>;
    let config = BrokerConfig {
        shards: 2,
        in_flight_max: 10_000,
        visibility_timeout_secs_max,
        encryption: None,
    };
    Broker::start(store, config, Arc::new(clock.clone())).await.unwrap()
}

pub(crate) fn key(name: &str) -> QueueKey {
    QueueKey { account: "000000000000".into(), region: "us-east-1".into(), name: name.into() }
}

pub(crate) fn new_queue(name: &str) -> Queue {
    Queue {
        key: key(name),
        kind: QueueKind::Standard,
        attributes: QueueAttributes::default(),
        tags: BTreeMap::new(),
        created_at_ms: 0,
        modified_at_ms: 0,
        purged_at_ms: None,
        deduplicates_by: DeduplicationScope::Queue,
        partitions: Vec::new(),
        derived: Derived::default(),
    }
}

pub(crate) async fn create(broker: &Broker, name: &str) -> Arc<Queue> {
    let queue = new_queue(name);
    let put = move |_: Entry<'_>, _| Ok::<_, BrokerError>((QueueChange::Put(queue), ()));
    broker.change_queue(&key(name), put).await.unwrap();
    broker.queue(&key(name)).unwrap()
}

pub(crate) async fn delete_queue(broker: &Broker, name: &str) {
    let delete = |_: Entry<'_>, _| Ok::<_, BrokerError>((QueueChange::Delete, ()));
    broker.change_queue(&key(name), delete).await.unwrap();
}

pub(crate) fn outgoing(body: &str) -> Outgoing {
    Outgoing {
        message: Message {
            id: Uuid::new_v4(),
            body: body.to_owned(),
            body_md5: [0; 16],
            attributes: Vec::new(),
            sender_id: "AIDA".to_owned(),
            trace_header: None,
            group_id: None,
            deduplication_id: None,
            source_arn: None,
            sent_at_ms: None,
        },
        delay_secs: 0,
    }
}

/// A message that is visible later.
pub(crate) fn delayed(body: &str, delay_secs: u32) -> Outgoing {
    Outgoing { delay_secs, ..outgoing(body) }
}

/// A message of a FIFO queue; its body is its deduplication id.
pub(crate) fn in_group(group: &str, body: &str) -> Outgoing {
    let mut outgoing = outgoing(body);
    outgoing.message.group_id = Some(group.to_owned());
    outgoing.message.deduplication_id = Some(body.to_owned());
    outgoing
}

pub(crate) async fn receive(broker: &Broker, queue: &Queue, count_max: u32) -> Vec<Received> {
    let options =
        ReceiveOptions { count_max, wait_secs: 0, visibility_timeout_secs: 30, attempt_id: None };
    broker.receive(queue, options).await.unwrap()
}

/// Receives a message, waiting for it.
pub(crate) async fn receive_waiting(broker: &Broker, queue: &Queue) -> Vec<Received> {
    let options = ReceiveOptions {
        count_max: 1,
        wait_secs: 20,
        visibility_timeout_secs: 30,
        attempt_id: None,
    };
    broker.receive(queue, options).await.unwrap()
}

pub(crate) fn bodies(received: &[Received]) -> Vec<&str> {
    received.iter().map(|received| received.message.body.as_str()).collect()
}

/// Makes a queue, or changes an existing one's attributes.
pub(crate) async fn put(broker: &Broker, queue: Queue) -> Arc<Queue> {
    let key = queue.key.clone();
    let change = move |_: Entry<'_>, _| Ok::<_, BrokerError>((QueueChange::Put(queue), ()));
    broker.change_queue(&key, change).await.unwrap();
    broker.queue(&key).unwrap()
}

/// A queue whose messages go to another one after so many receives.
pub(crate) fn with_dead_letters(queue: Queue, target: &str, receives_max: u32) -> Queue {
    let redrive_policy = Some(Redrive { target: key(target), receives_max });
    let attributes = QueueAttributes { redrive_policy, ..queue.attributes };
    Queue { attributes, ..queue }
}
