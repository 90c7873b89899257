//! A data directory with rows in every table: what the offline check and later versions must understand.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use md5::{Digest, Md5};
use sluice_server::broker::{
    AttributeValue, Broker, BrokerConfig, MessageAttribute, Outgoing, Queue, QueueKind,
    ReceiveOptions, Received,
};
use sluice_store::{RocksOptions, RocksStore, Store};

use super::{Virtual, clock, in_group, key, new_queue, outgoing, put, with_dead_letters};

/// Messages sent to each queue that is filled.
pub(crate) const MESSAGES: usize = 8;
/// Messages in the dead-letter queue whose move never gets anywhere.
pub(crate) const TO_MOVE: usize = 6;
/// The tag under which the queue `plain` keeps the receipt handle of a message that was received.
pub(crate) const HANDLE_TAG: &str = "receipt handle";
/// How long received messages stay hidden, s.
pub(crate) const HIDDEN_SECS: u32 = 30;
/// How long every other message of `plain` is delayed, s.
pub(crate) const DELAY_SECS: u32 = 60;

pub(crate) fn open(path: &Path, reserve_bytes: u64) -> Arc<dyn Store> {
    let options =
        RocksOptions { reserve_bytes, write_buffer_bytes: 4 << 20, ..RocksOptions::new(path) };
    Arc::new(RocksStore::open(options).unwrap())
}

pub(crate) async fn start(store: &Arc<dyn Store>, clock: &Virtual) -> Broker {
    let config = BrokerConfig {
        shards: 2,
        in_flight_max: 100,
        visibility_timeout_secs_max: 43_200,
        encryption: None,
    };
    Broker::start(Arc::clone(store), config, Arc::new(clock.clone())).await.unwrap()
}

async fn stop(store: Arc<dyn Store>, broker: Broker) {
    broker.shutdown().await;
    drop(broker);
    store.close().unwrap();
}

/// The text of a message; its length decides whether it goes to a file of its own kind.
pub(crate) fn text(number: usize) -> String {
    format!("message {number} {}", "x".repeat(number * 150))
}

/// A message with its checksum, as the services make it, and an attribute of each kind.
fn whole(mut outgoing: Outgoing) -> Outgoing {
    let message = &mut outgoing.message;
    message.body_md5 = Md5::digest(&message.body).into();
    message.attributes = attributes();
    outgoing
}

pub(crate) fn attributes() -> Vec<MessageAttribute> {
    let attribute = |name: &str, data_type: &str, value| MessageAttribute {
        name: name.to_owned(),
        data_type: data_type.to_owned(),
        value,
    };
    vec![
        attribute("colour", "String", AttributeValue::Text("grün".to_owned())),
        attribute("key", "Binary", AttributeValue::Binary(vec![0, 255])),
    ]
}

pub(crate) async fn receive(
    broker: &Broker,
    queue: &Queue,
    count_max: u32,
    visibility_timeout_secs: u32,
) -> Vec<Received> {
    let options =
        ReceiveOptions { count_max, wait_secs: 0, visibility_timeout_secs, attempt_id: None };
    broker.receive(queue, options).await.unwrap()
}

/// Fills a new data directory: messages that wait, are delayed, in flight, back in a log, on their way to a dead-letter
/// queue, remembered for deduplication, and a move task that has begun.
pub(crate) async fn fill(path: &Path) {
    let clock = clock();
    let store = open(path, 0);
    let broker = start(&store, &clock).await;
    for name in ["dead", "moved"] {
        put(&broker, new_queue(name)).await;
    }
    let plain = put(&broker, new_queue("plain")).await;
    let fair = put(&broker, new_queue("fair")).await;
    let to_move = put(&broker, new_queue("to-move")).await;
    let failing = put(&broker, with_dead_letters(new_queue("failing"), "dead", 1)).await;
    let fifo = put(&broker, Queue { kind: QueueKind::Fifo, ..new_queue("jobs.fifo") }).await;
    for number in 0..MESSAGES {
        let text = text(number);
        let delay_secs = DELAY_SECS * (number as u32 % 2);
        let delayed = Outgoing { delay_secs, ..whole(outgoing(&text)) };
        broker.send(&plain, vec![delayed]).await.unwrap();
        broker.send(&failing, vec![whole(outgoing(&text))]).await.unwrap();
        for queue in [&fair, &fifo] {
            let group = format!("group {}", number % 3);
            broker.send(queue, vec![whole(in_group(&group, &text))]).await.unwrap();
        }
        if number < TO_MOVE {
            broker.send(&to_move, vec![whole(outgoing(&text))]).await.unwrap();
        }
    }
    // Three receives of the same message put it to the back of the log.
    for _ in 0..3 {
        assert_eq!(receive(&broker, &plain, 1, 0).await[0].message.body, text(0));
    }
    assert_eq!(receive(&broker, &failing, 3, 0).await.len(), 3);
    assert_eq!(receive(&broker, &failing, 3, 0).await.len(), 3);
    stop(store, broker).await;

    // What comes now is in the log of the store when it stops, what came before in its files. The disk is full, so
    // messages stay on their way.
    let store = open(path, u64::MAX);
    let broker = start(&store, &clock).await;
    for queue in [&fair, &fifo] {
        assert!(!receive(&broker, queue, 3, HIDDEN_SECS).await.is_empty());
    }
    let handle = receive(&broker, &plain, 2, HIDDEN_SECS).await.remove(0).receipt_handle;
    let tags = BTreeMap::from([(HANDLE_TAG.to_owned(), handle)]);
    let queue = Queue::clone(&broker.queue(&key("plain")).unwrap());
    put(&broker, Queue { tags, ..queue }).await;
    receive(&broker, &failing, 3, 0).await;
    receive(&broker, &failing, 10, 0).await;
    let id = "9a1c7c3e-0000-4000-8000-000000000001".to_owned();
    broker.start_move(id, &to_move, Some(key("moved")), None).await.unwrap();
    stop(store, broker).await;
}
