//! What the settings beyond SQS ask of the broker: times of a year, and many messages at once.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a failed test is meant to panic")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use sluice_server::broker::{
    Broker, Outgoing, Queue, QueueAttributes, QueueKind, RECEIVE_COUNT_MAX, Received,
    VisibilityOutcome,
};
use sluice_server::services::sqs::Limits;
use sluice_store::MemoryStore;

mod broker_support;
use broker_support::{
    Virtual, bodies, clock, new_queue, outgoing, put, receive, start, start_with,
};

const LARGEST: Limits = Limits::LARGEST;

fn pass(clock: &Virtual, secs: u32) {
    clock.0.fetch_add(u64::from(secs) * 1_000, Ordering::AcqRel);
}

#[tokio::test]
async fn a_message_scheduled_a_year_ahead_arrives_after_restarts_and_not_before() {
    let (store, clock) = (Arc::new(MemoryStore::new()), clock());
    let broker = start(&store, &clock).await;
    let attributes = QueueAttributes {
        retention_secs: LARGEST.retention_secs_max,
        ..QueueAttributes::default()
    };
    let queue = put(&broker, Queue { attributes, ..new_queue("q") }).await;
    let scheduled = Outgoing { delay_secs: LARGEST.delay_secs_max - 60, ..outgoing("later") };
    broker.send(&queue, vec![scheduled, outgoing("now")]).await.unwrap();
    assert_eq!(bodies(&receive(&broker, &queue, 10).await), ["now"]);
    broker.shutdown().await;

    pass(&clock, LARGEST.delay_secs_max - 61);
    let broker = start(&store, &clock).await;
    assert_eq!(bodies(&receive(&broker, &queue, 10).await), ["now"]);
    assert_eq!(broker.counters(&queue).await.unwrap().delayed, 1);
    pass(&clock, 1);
    assert_eq!(bodies(&receive(&broker, &queue, 10).await), ["later"]);
    pass(&clock, 60);
    assert!(receive(&broker, &queue, 10).await.is_empty(), "the retention is over");
}

#[tokio::test]
async fn a_visibility_timeout_has_the_configured_limit_since_the_receive() {
    let (store, clock) = (Arc::new(MemoryStore::new()), clock());
    let secs_max = LARGEST.visibility_timeout_secs_max;
    let broker = start_with(&store, &clock, secs_max).await;
    let queue = put(&broker, new_queue("q")).await;
    broker.send(&queue, vec![outgoing("a")]).await.unwrap();
    let received = receive(&broker, &queue, 1).await;
    let receipt = broker.parse_receipt(&queue, &received[0].receipt_handle).unwrap();
    pass(&clock, 1);
    for (secs, expected) in
        [(secs_max, VisibilityOutcome::BeyondLimit), (secs_max - 1, VisibilityOutcome::Changed)]
    {
        let outcomes = broker.change_visibility(&queue, vec![(receipt, secs)]).await.unwrap();
        assert_eq!(outcomes, [expected]);
    }
}

/// Whether each message of a test has a group of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Groups {
    One,
    Many,
}

/// Sends one message more than a receive can take, and starts again so that nothing is in memory.
async fn full_queue(kind: QueueKind, groups: Groups) -> (Broker, Arc<Queue>) {
    let (store, clock) = (Arc::new(MemoryStore::new()), clock());
    let broker = start(&store, &clock).await;
    let queue = put(&broker, Queue { kind, ..new_queue("q") }).await;
    let numbered = |number: u32| {
        let mut outgoing = outgoing(&number.to_string());
        outgoing.message.group_id = (groups == Groups::Many).then(|| number.to_string());
        outgoing.message.deduplication_id = (kind == QueueKind::Fifo).then(|| number.to_string());
        outgoing
    };
    let messages = (0..=RECEIVE_COUNT_MAX).map(numbered).collect();
    broker.send(&queue, messages).await.unwrap();
    broker.shutdown().await;
    (start(&store, &clock).await, queue)
}

fn distinct(received: &[Received]) -> BTreeSet<&str> {
    bodies(received).into_iter().collect()
}

#[tokio::test]
async fn a_receive_takes_as_many_as_the_broker_allows() {
    let (broker, queue) = full_queue(QueueKind::Standard, Groups::One).await;
    let received = receive(&broker, &queue, RECEIVE_COUNT_MAX).await;
    assert_eq!(distinct(&received).len(), RECEIVE_COUNT_MAX as usize);
    assert_eq!(receive(&broker, &queue, RECEIVE_COUNT_MAX).await.len(), 1);
}

#[tokio::test]
async fn a_receive_from_many_groups_gets_some_and_the_next_gets_more() {
    for kind in [QueueKind::Standard, QueueKind::Fifo] {
        let (broker, queue) = full_queue(kind, Groups::Many).await;
        let mut all = Vec::new();
        loop {
            let received = receive(&broker, &queue, RECEIVE_COUNT_MAX).await;
            if received.is_empty() {
                break;
            }
            all.extend(received);
        }
        assert_eq!(distinct(&all).len(), RECEIVE_COUNT_MAX as usize + 1);
        assert_eq!(all.len(), RECEIVE_COUNT_MAX as usize + 1);
    }
}
