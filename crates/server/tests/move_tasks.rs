//! Message move tasks over a store in memory: they move, stop, fail, end, and go on after a restart.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a failed test is meant to panic")]

mod broker_support;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use broker_support::{
    Virtual, bodies, clock, create, delete_queue, in_group, key, new_queue, outgoing, put, receive,
    start,
};
use sluice_server::broker::{
    Broker, Counters, MOVES_PER_ACCOUNT_MAX, MoveError, MoveFailure, MoveStatus, MoveTask,
    Outgoing, Queue, QueueKind,
};
use sluice_store::{CrashTail, MemoryStore};

/// A message as it is in a dead-letter queue.
fn dead(body: &str, source: &str) -> Outgoing {
    let mut outgoing = outgoing(body);
    outgoing.message.source_arn = Some(key(source).arn());
    outgoing
}

/// A broker with queue `dlq`, which has some messages, and queue `target`.
async fn with_messages(
    store: &Arc<MemoryStore>,
    clock: &Virtual,
    count: usize,
) -> (Broker, Arc<Queue>, Arc<Queue>) {
    let broker = start(store, clock).await;
    let source = create(&broker, "dlq").await;
    let target = create(&broker, "target").await;
    for number in 0..count {
        broker.send(&source, vec![outgoing(&format!("m{number}"))]).await.unwrap();
    }
    (broker, source, target)
}

/// Waits until the newest task of a source is as wanted, however long that takes.
async fn newest(broker: &Broker, source: &str, is_it: impl Fn(&MoveTask) -> bool) -> MoveTask {
    loop {
        let newest = broker.moves(&key(source)).await.unwrap().into_iter().next().unwrap();
        if is_it(&newest) {
            return newest;
        }
        tokio::task::yield_now().await;
    }
}

async fn ended(broker: &Broker, source: &str) -> MoveTask {
    newest(broker, source, |task| !task.is_active()).await
}

async fn visible(broker: &Broker, queue: &Queue) -> u64 {
    broker.counters(queue).await.unwrap().visible
}

async fn until_one_is_there(broker: &Broker, queue: &Queue) {
    while visible(broker, queue).await == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn messages_move_to_a_destination_as_new_messages() {
    let (store, clock) = (Arc::new(MemoryStore::new()), clock());
    let (broker, source, target) = with_messages(&store, &clock, 0).await;
    let sent = broker.send(&source, vec![dead("a", "target"), dead("b", "target")]).await.unwrap();
    let sent_at_ms = clock.0.fetch_add(5_000, Ordering::AcqRel);
    let destination = Some(target.key.clone());
    broker.start_move("task".to_owned(), &source, destination, None).await.unwrap();
    let task = ended(&broker, "dlq").await;
    assert_eq!((task.status, task.moved, task.to_move), (MoveStatus::Completed, 2, 2));
    let moved = receive(&broker, &target, 10).await;
    assert_eq!(bodies(&moved), ["a", "b"]);
    for received in &moved {
        assert!(sent.iter().all(|sent| sent.id != received.message.id));
        assert_eq!(received.sent_at_ms, sent_at_ms + 5_000);
        assert_eq!(received.receive_count, 1);
        assert_eq!(received.message.source_arn, None);
    }
    assert_eq!(broker.counters(&source).await.unwrap().visible, 0);
    broker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_task_of_many_batches_counts_every_message() {
    let (store, clock) = (Arc::new(MemoryStore::new()), clock());
    let (broker, source, target) = with_messages(&store, &clock, 0).await;
    for _ in 0..50 {
        let batch = (0..100).map(|number| outgoing(&format!("m{number}"))).collect();
        broker.send(&source, batch).await.unwrap();
    }
    let destination = Some(target.key.clone());
    broker.start_move("task".to_owned(), &source, destination, None).await.unwrap();
    let task = ended(&broker, "dlq").await;
    assert_eq!((task.status, task.moved), (MoveStatus::Completed, 5_000));
    assert_eq!(visible(&broker, &target).await, 5_000);
    broker.shutdown().await;
}

#[tokio::test]
async fn without_a_destination_each_message_goes_back_to_its_own_source() {
    let (store, clock) = (Arc::new(MemoryStore::new()), clock());
    let (broker, source, target) = with_messages(&store, &clock, 0).await;
    let other = create(&broker, "other").await;
    for (body, from) in [("a", "target"), ("b", "other"), ("c", "target")] {
        broker.send(&source, vec![dead(body, from)]).await.unwrap();
    }
    broker.start_move("task".to_owned(), &source, None, None).await.unwrap();
    assert_eq!(ended(&broker, "dlq").await.status, MoveStatus::Completed);
    assert_eq!(bodies(&receive(&broker, &target, 10).await), ["a", "c"]);
    assert_eq!(bodies(&receive(&broker, &other, 10).await), ["b"]);
    broker.shutdown().await;
}

#[tokio::test]
async fn a_fifo_queue_moves_oldest_first() {
    let (store, clock) = (Arc::new(MemoryStore::new()), clock());
    let broker = start(&store, &clock).await;
    let fifo = |name| Queue { kind: QueueKind::Fifo, ..new_queue(name) };
    let source = put(&broker, fifo("dlq.fifo")).await;
    let target = put(&broker, fifo("target.fifo")).await;
    for number in 0..30 {
        let group = format!("g{}", number % 3);
        broker.send(&source, vec![in_group(&group, &format!("{number:02}"))]).await.unwrap();
    }
    let destination = Some(target.key.clone());
    broker.start_move("task".to_owned(), &source, destination, None).await.unwrap();
    let task = ended(&broker, "dlq.fifo").await;
    assert_eq!((task.status, task.moved), (MoveStatus::Completed, 30));
    for group in 0..3 {
        let received = receive(&broker, &target, 10).await;
        assert_eq!(received.len(), 10);
        let of_group: Vec<String> =
            (0..10).map(|place| format!("{:02}", place * 3 + group)).collect();
        assert_eq!(bodies(&received), of_group, "group {group}");
    }
    broker.shutdown().await;
}

#[tokio::test]
async fn a_source_has_one_active_task() {
    let (store, clock) = (Arc::new(MemoryStore::new()), clock());
    let (broker, source, target) = with_messages(&store, &clock, 5).await;
    let to = || Some(target.key.clone());
    broker.start_move("first".to_owned(), &source, to(), Some(1)).await.unwrap();
    let second = broker.start_move("second".to_owned(), &source, to(), None).await;
    assert_eq!(second.unwrap_err(), MoveError::SourceBusy);
    broker.cancel_move(&source.key, "first".to_owned()).await.unwrap();
    ended(&broker, "dlq").await;
    broker.start_move("third".to_owned(), &source, to(), None).await.unwrap();
    assert_eq!(ended(&broker, "dlq").await.status, MoveStatus::Completed);
    let ids: Vec<String> =
        broker.moves(&source.key).await.unwrap().into_iter().map(|task| task.id).collect();
    assert_eq!(ids, ["third", "first"]);
    assert_eq!(visible(&broker, &target).await, 5);
    broker.shutdown().await;
}

#[tokio::test]
async fn an_account_has_a_hundred_active_tasks() {
    let (store, clock) = (Arc::new(MemoryStore::new()), clock());
    let broker = start(&store, &clock).await;
    let target = create(&broker, "target").await;
    // Nothing moves to a full disk, so that the tasks stay active.
    store.faults().full_disk(true);
    for number in 0..MOVES_PER_ACCOUNT_MAX {
        let source = create(&broker, &format!("dlq{number}")).await;
        let destination = Some(target.key.clone());
        broker.start_move(format!("task{number}"), &source, destination, None).await.unwrap();
    }
    let source = create(&broker, "one-more").await;
    let one_more = broker.start_move("more".to_owned(), &source, None, None).await;
    assert_eq!(one_more.unwrap_err(), MoveError::TooManyActive);
    broker.cancel_move(&key("dlq7"), "task7".to_owned()).await.unwrap();
    ended(&broker, "dlq7").await;
    broker.start_move("more".to_owned(), &source, None, None).await.unwrap();
    broker.shutdown().await;
}

#[tokio::test]
async fn a_rate_holds_a_task_back_until_it_is_cancelled() {
    let (store, clock) = (Arc::new(MemoryStore::new()), clock());
    // At this rate the task would take a quarter of an hour.
    let (broker, source, target) = with_messages(&store, &clock, 1_000).await;
    let destination = Some(target.key.clone());
    broker.start_move("task".to_owned(), &source, destination, Some(1)).await.unwrap();
    until_one_is_there(&broker, &target).await;
    broker.cancel_move(&source.key, "task".to_owned()).await.unwrap();
    let again = broker.cancel_move(&source.key, "task".to_owned()).await;
    assert_eq!(again.unwrap_err(), MoveError::NotRunning);
    let task = ended(&broker, "dlq").await;
    assert_eq!((task.status, task.to_move), (MoveStatus::Cancelled, 1_000));
    assert!((1..900).contains(&task.moved), "{task:?}");
    assert_eq!(visible(&broker, &target).await, task.moved, "what was moved stays moved");
    assert_eq!(visible(&broker, &source).await, 1_000 - task.moved);
    let again = broker.cancel_move(&source.key, "task".to_owned()).await;
    assert_eq!(again.unwrap_err(), MoveError::NotRunning);
    let unknown = broker.cancel_move(&source.key, "other".to_owned()).await;
    assert_eq!(unknown.unwrap_err(), MoveError::NoSuchTask);
    broker.shutdown().await;
}

#[tokio::test]
async fn a_task_goes_on_after_a_shutdown() {
    let (store, clock) = (Arc::new(MemoryStore::new()), clock());
    let (broker, source, target) = with_messages(&store, &clock, 250).await;
    let destination = Some(target.key.clone());
    store.faults().full_disk(true);
    broker.start_move("task".to_owned(), &source, destination, None).await.unwrap();
    broker.shutdown().await;
    drop(broker);
    let broker = start(&store, &clock).await;
    let task = newest(&broker, "dlq", |_| true).await;
    assert_eq!((task.id.as_str(), task.status), ("task", MoveStatus::Running));
    broker.shutdown().await;
    drop(broker);
    store.faults().full_disk(false);
    let broker = start(&store, &clock).await;
    let task = ended(&broker, "dlq").await;
    assert_eq!((task.status, task.moved, task.to_move), (MoveStatus::Completed, 250, 250));
    assert_eq!(visible(&broker, &target).await, 250);
    broker.shutdown().await;
}

#[tokio::test]
async fn a_task_goes_on_after_a_crash_and_loses_nothing() {
    let (store, clock) = (Arc::new(MemoryStore::new()), clock());
    let (broker, source, target) = with_messages(&store, &clock, 20).await;
    let destination = Some(target.key.clone());
    broker.start_move("task".to_owned(), &source, destination, Some(5)).await.unwrap();
    until_one_is_there(&broker, &target).await;
    let after = Arc::new(store.faults().crash(CrashTail::LoseAll));
    let broker_after = start(&after, &clock).await;
    let task = ended(&broker_after, "dlq").await;
    assert_eq!((task.id.as_str(), task.status), ("task", MoveStatus::Completed));
    assert_eq!(visible(&broker_after, &source).await, 0);
    let mut moved: Vec<String> = Vec::new();
    while visible(&broker_after, &target).await > 0 {
        let received = receive(&broker_after, &target, 10).await;
        moved.extend(received.into_iter().map(|received| received.message.body));
    }
    moved.sort();
    let mut expected: Vec<String> = (0..20).map(|number| format!("m{number}")).collect();
    expected.sort();
    assert_eq!(moved, expected);
    broker_after.shutdown().await;
    broker.shutdown().await;
}

/// Moves messages of a few groups while the server crashes again and again, and says what arrived.
async fn crash_run(seed: u64, kind: QueueKind) -> Vec<String> {
    let (mut store, clock) = (Arc::new(MemoryStore::new()), clock());
    let mut broker = start(&store, &clock).await;
    let source = put(&broker, Queue { kind, ..new_queue("dlq") }).await;
    let target = put(&broker, Queue { kind, ..new_queue("target") }).await;
    for number in 0..MESSAGES {
        let (group, body) = (format!("g{}", number % 3), format!("{number:03}"));
        broker.send(&source, vec![in_group(&group, &body)]).await.unwrap();
    }
    let destination = Some(target.key.clone());
    broker.start_move("task".to_owned(), &source, destination, None).await.unwrap();
    let mut crash_at = seed % CRASH_STEP;
    while newest(&broker, "dlq", |_| true).await.is_active() {
        if visible(&broker, &target).await >= crash_at {
            crash_at += CRASH_STEP;
            store = Arc::new(store.faults().crash(CrashTail::Seeded(seed + crash_at)));
            broker = start(&store, &clock).await;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(ended(&broker, "dlq").await.status, MoveStatus::Completed, "seed {seed}");
    assert_eq!(broker.counters(&source).await.unwrap(), Counters::default(), "seed {seed}");
    let mut arrived = Vec::new();
    while visible(&broker, &target).await > 0 {
        for received in receive(&broker, &target, 10).await {
            let receipt = broker.parse_receipt(&target, &received.receipt_handle).unwrap();
            broker.delete(&target, vec![receipt]).await.unwrap();
            arrived.push(received.message.body);
        }
    }
    arrived
}

/// Messages of a crash run: more than two batches.
const MESSAGES: usize = 250;
/// Messages that arrive between two crashes, at least.
const CRASH_STEP: u64 = 60;

#[tokio::test]
async fn a_task_loses_and_doubles_nothing_over_crashes() {
    let seeds = std::env::var("SLUICE_CRASH_SEEDS").ok().and_then(|text| text.parse().ok());
    let sent: Vec<String> = (0..MESSAGES).map(|number| format!("{number:03}")).collect();
    for seed in 0..seeds.unwrap_or(20) {
        let mut arrived = crash_run(seed, QueueKind::Standard).await;
        arrived.sort();
        assert_eq!(arrived, sent, "seed {seed}");
        let arrived = crash_run(seed, QueueKind::Fifo).await;
        for group in 0..3 {
            let of_group = |bodies: &[String]| -> Vec<String> {
                let is_of_group = |body: &&String| body.parse::<usize>().unwrap() % 3 == group;
                bodies.iter().filter(is_of_group).cloned().collect()
            };
            assert_eq!(of_group(&arrived), of_group(&sent), "seed {seed}, group {group}");
        }
    }
}

#[tokio::test]
async fn a_cancellation_outlives_a_crash() {
    let (store, clock) = (Arc::new(MemoryStore::new()), clock());
    let (broker, source, target) = with_messages(&store, &clock, 20).await;
    let destination = Some(target.key.clone());
    store.faults().full_disk(true);
    broker.start_move("task".to_owned(), &source, destination, None).await.unwrap();
    broker.cancel_move(&source.key, "task".to_owned()).await.unwrap();
    let after = Arc::new(store.faults().crash(CrashTail::LoseAll));
    let broker_after = start(&after, &clock).await;
    assert_eq!(ended(&broker_after, "dlq").await.status, MoveStatus::Cancelled);
    assert_eq!(visible(&broker_after, &source).await, 20);
    broker_after.shutdown().await;
    broker.shutdown().await;
}

#[tokio::test]
async fn a_task_fails_when_its_destination_is_deleted() {
    let (store, clock) = (Arc::new(MemoryStore::new()), clock());
    let (broker, source, target) = with_messages(&store, &clock, 20).await;
    let destination = Some(target.key.clone());
    broker.start_move("task".to_owned(), &source, destination, Some(5)).await.unwrap();
    until_one_is_there(&broker, &target).await;
    delete_queue(&broker, "target").await;
    let task = ended(&broker, "dlq").await;
    assert_eq!(task.status, MoveStatus::Failed(MoveFailure::DestinationGone));
    assert_eq!(visible(&broker, &source).await, 20 - task.moved);
    broker.shutdown().await;
}

#[tokio::test]
async fn a_task_fails_when_a_message_cannot_go_back() {
    let (store, clock) = (Arc::new(MemoryStore::new()), clock());
    let (broker, source, _) = with_messages(&store, &clock, 1).await;
    broker.start_move("task".to_owned(), &source, None, None).await.unwrap();
    let task = ended(&broker, "dlq").await;
    assert_eq!(task.status, MoveStatus::Failed(MoveFailure::SourceUnknown));

    let gone = create(&broker, "dlq2").await;
    broker.send(&gone, vec![dead("a", "no-such-queue")]).await.unwrap();
    broker.start_move("task2".to_owned(), &gone, None, None).await.unwrap();
    let task = ended(&broker, "dlq2").await;
    assert_eq!(task.status, MoveStatus::Failed(MoveFailure::DestinationGone));
    broker.shutdown().await;
}

#[tokio::test]
async fn a_task_runs_thirty_six_hours_at_most() {
    let (store, clock) = (Arc::new(MemoryStore::new()), clock());
    let (broker, source, target) = with_messages(&store, &clock, 1_000).await;
    let destination = Some(target.key.clone());
    broker.start_move("task".to_owned(), &source, destination, Some(1)).await.unwrap();
    clock.0.fetch_add(36 * 3_600_000, Ordering::AcqRel);
    let task = ended(&broker, "dlq").await;
    assert_eq!(task.status, MoveStatus::Failed(MoveFailure::TimedOut));
    broker.shutdown().await;
}

#[tokio::test]
async fn a_deleted_source_takes_its_tasks_along() {
    let (store, clock) = (Arc::new(MemoryStore::new()), clock());
    let (broker, source, target) = with_messages(&store, &clock, 20).await;
    let destination = Some(target.key.clone());
    broker.start_move("task".to_owned(), &source, destination.clone(), Some(1)).await.unwrap();
    delete_queue(&broker, "dlq").await;
    assert_eq!(broker.moves(&source.key).await.unwrap(), []);
    let late = broker.start_move("late".to_owned(), &source, destination, None).await;
    assert!(late.is_err());
    // Nothing of it runs: a shutdown waits for what does.
    broker.shutdown().await;
    drop(broker);
    clock.0.fetch_add(60_000, Ordering::AcqRel);
    let broker = start(&store, &clock).await;
    create(&broker, "dlq").await;
    assert_eq!(broker.moves(&source.key).await.unwrap(), []);
    broker.shutdown().await;
}

#[tokio::test]
async fn the_newest_tasks_of_a_source_are_kept() {
    let (store, clock) = (Arc::new(MemoryStore::new()), clock());
    let (broker, source, target) = with_messages(&store, &clock, 0).await;
    for number in 0..25 {
        let destination = Some(target.key.clone());
        broker.start_move(format!("task{number}"), &source, destination, None).await.unwrap();
        assert_eq!(ended(&broker, "dlq").await.status, MoveStatus::Completed);
    }
    let kept = broker.moves(&source.key).await.unwrap();
    let ids: Vec<&str> = kept.iter().map(|task| task.id.as_str()).collect();
    let newest: Vec<String> = (14..25).rev().map(|number| format!("task{number}")).collect();
    assert_eq!(ids, newest);
    broker.shutdown().await;
    drop(broker);
    let broker = start(&store, &clock).await;
    assert_eq!(broker.moves(&source.key).await.unwrap(), kept);
    broker.shutdown().await;
}
