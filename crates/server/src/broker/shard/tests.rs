//! A shard's thread on its own, over a store in memory.

use std::sync::mpsc::{SyncSender, sync_channel};

use sluice_engine::{GroupId, NewMessage};
use sluice_store::{MemoryStore, ShardId, Store};

use super::*;
use crate::broker::admission::Admission;
use crate::broker::release::releases;
use crate::broker::testing::{SETTINGS, queue_with_partition};

#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now_ms(&self) -> u64 {
        1_700_000_000_000
    }
}

/// The thread of shard 1, with a queue whose only partition is 1, and the sending end of its mailbox.
fn shard_thread(
    store: &MemoryStore,
    clock: Arc<dyn Clock>,
    health: &Health,
    mailbox_max: usize,
) -> (ShardThread, Arc<SyncSender<ShardRequest>>, Receiver<ShardRequest>) {
    let (mailbox, requests) = sync_channel(mailbox_max);
    let mailbox = Arc::new(mailbox);
    let (releases, releaser) = releases(&mailbox, health.clone(), health.watch("shard 1"));
    spawn(move || releaser.run());
    let shard = store.open_shard(ShardId(1)).expect("free");
    let published = Published::of(queue_with_partition(1));
    let transfers = Arc::default();
    let (health, watch) = (health.clone(), health.watch("shard 1"));
    let thread = ShardThread::new(shard, clock, health, watch, published, transfers, releases);
    (thread, mailbox, requests)
}

#[allow(clippy::disallowed_methods, reason = "a thread of a test")]
fn spawn(run: impl FnOnce() + Send + 'static) -> std::thread::JoinHandle<()> {
    std::thread::spawn(run)
}

fn send_one(number: u64, admission: &Arc<Admission>, reply: ReplySender) -> ShardRequest {
    ShardRequest::Command {
        partition: 1,
        settings: SETTINGS,
        request: RequestId(number),
        command: Command::Send(vec![NewMessage {
            group: GroupId::NONE,
            delay_ms: 0,
            deduplication: None,
        }]),
        admitted: admission.admit_anyway(1, &[]),
        bodies: vec![Vec::new()],
        reply,
    }
}

fn long_poll(number: u64, wait_ms: u64, reply: ReplySender) -> ShardRequest {
    ShardRequest::Command {
        partition: 1,
        settings: SETTINGS,
        request: RequestId(number),
        command: Command::Receive { count_max: 1, wait_ms, visibility_ms: 0, attempt: None },
        admitted: Arc::new(Admission::new(Arc::default())).admit_anyway(1, &[]),
        bodies: Vec::new(),
        reply,
    }
}

#[test]
fn every_request_is_answered_when_more_wait_than_one_batch_takes() {
    const REQUESTS: usize = 2 * BATCH_COMMANDS_MAX + 100;
    let health = Health::default();
    let (thread, mailbox, requests) =
        shard_thread(&MemoryStore::new(), Arc::new(Still), &health, REQUESTS);
    let admission = Arc::new(Admission::new(Arc::default()));
    let mut answers = Vec::new();
    for number in 1..=REQUESTS {
        let (reply, answer) = oneshot::channel();
        mailbox.try_send(send_one(number as u64, &admission, reply)).expect("room");
        answers.push(answer);
    }
    drop(mailbox);
    thread.run(&requests);
    let decided = answers.into_iter().filter_map(|answer| answer.blocking_recv().ok()).count();
    assert_eq!(decided, REQUESTS);
}

/// A clock that the test moves.
#[derive(Debug, Default)]
struct Moved(std::sync::atomic::AtomicU64);

impl Clock for Moved {
    fn now_ms(&self) -> u64 {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}

#[test]
fn what_time_brought_about_is_durable_before_the_shard_sleeps_though_nobody_waits_for_it() {
    let store = MemoryStore::new();
    let (clock, health) = (Arc::new(Moved::default()), Health::default());
    let (mut thread, _mailbox, requests) = shard_thread(&store, clock.clone(), &health, 1);
    let (reply, mut sent) = oneshot::channel();
    let admission = Arc::new(Admission::new(Arc::default()));
    thread.turn(Some(send_one(1, &admission, reply)), &requests);
    assert!(sent.try_recv().expect("an answer").is_ok());

    store.faults().fail_next_sync(1);
    clock.0.store(SETTINGS.config.retention_ms + 1, std::sync::atomic::Ordering::Relaxed);
    thread.turn(None, &requests);
    assert!(!health.is_good(), "the sync of the message's removal failed");
}

#[test]
fn waits_that_began_at_different_times_end_together_and_none_too_soon() {
    let (clock, health) = (Arc::new(Moved::default()), Health::default());
    let (mut thread, _mailbox, requests) =
        shard_thread(&MemoryStore::new(), clock.clone(), &health, 1);
    let mut waits = Vec::new();
    let mut turn = |at_ms, request| {
        clock.0.store(at_ms, std::sync::atomic::Ordering::Relaxed);
        thread.turn(request, &requests);
    };
    for began_ms in [WAIT_STEP_MS + 1, 2 * WAIT_STEP_MS - 1, 2 * WAIT_STEP_MS] {
        let (reply, answer) = oneshot::channel();
        turn(began_ms, Some(long_poll(began_ms, 1_000, reply)));
        waits.push(answer);
    }
    turn(1_000 + 2 * WAIT_STEP_MS - 1, None);
    assert!(waits.iter_mut().all(|wait| wait.try_recv().is_err()), "one would be too soon");
    turn(1_000 + 2 * WAIT_STEP_MS, None);
    for mut wait in waits {
        assert_eq!(wait.try_recv(), Ok(Ok(Reply::Received(Vec::new()))));
    }
}

/// Every reading is a minute later than the one before.
#[derive(Debug, Default)]
struct Leaping(std::sync::atomic::AtomicU64);

impl Clock for Leaping {
    fn now_ms(&self) -> u64 {
        self.0.fetch_add(60_000, std::sync::atomic::Ordering::Relaxed)
    }
}

#[test]
fn catching_up_looks_at_the_clock_again_and_ends_waits_in_the_same_turn() {
    let health = Health::default();
    let (mut thread, mailbox, requests) =
        shard_thread(&MemoryStore::new(), Arc::new(Leaping::default()), &health, 2);
    let (reply, received) = oneshot::channel();
    let receive = long_poll(1, 20_000, reply);
    let (reply, caught_up) = oneshot::channel();
    mailbox.try_send(ShardRequest::CatchUp { reply }).expect("room");
    thread.turn(Some(receive), &requests);
    let received = received.blocking_recv().expect("an answer").expect("no fault");
    assert_eq!(received, Reply::Received(Vec::new()));
    let caught_up = caught_up.blocking_recv().expect("an answer").expect("no fault");
    assert_eq!(caught_up, Reply::Purged);
}

/// Sends two messages whose sync does not return, and then more, one after the other; then it returns. Gives the
/// answers to all of them.
fn sent_during_a_sync(store: &MemoryStore, health: &Health) -> Vec<Result<Reply, BrokerError>> {
    let (thread, mailbox, requests) = shard_thread(store, Arc::new(Still), health, 100);
    let admission = Arc::new(Admission::new(Arc::default()));
    let send = |number| {
        let (reply, answer) = oneshot::channel();
        mailbox.try_send(send_one(number, &admission, reply)).expect("room");
        answer
    };
    store.faults().hold_syncs();
    let mut answers = vec![send(1), send(2)];
    let running = spawn(move || thread.run(&requests));
    while store.stats().commits < 1 {
        std::thread::yield_now();
    }
    for number in 3..20 {
        answers.push(send(number));
        std::thread::yield_now();
    }
    assert!(answers[0].try_recv().is_err(), "its commit is not durable");
    store.faults().release_syncs();
    let answers = answers.into_iter().map(|answer| answer.blocking_recv().expect("an answer"));
    let answers = answers.collect();
    drop(mailbox);
    running.join().expect("no panic");
    answers
}

#[test]
fn what_arrives_while_replies_wait_for_the_disk_is_one_commit_after_them() {
    let (store, health) = (MemoryStore::new(), Health::default());
    let answers = sent_during_a_sync(&store, &health);
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(store.stats().commits, 2);
}

#[test]
fn a_failed_sync_refuses_what_was_decided_meanwhile_too() {
    let (store, health) = (MemoryStore::new(), Health::default());
    store.faults().fail_next_sync(1);
    let answers = sent_during_a_sync(&store, &health);
    assert!(answers.iter().all(|answer| matches!(answer, Err(BrokerError::Stopped))));
    assert!(!health.is_good());
}
