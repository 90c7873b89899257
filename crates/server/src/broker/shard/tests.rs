//! A shard's thread on its own, over a store in memory.

use std::sync::mpsc::sync_channel;

use sluice_engine::{GroupId, NewMessage};
use sluice_store::{MemoryStore, ShardId, Store};

use super::*;
use crate::broker::admission::Admission;
use crate::broker::testing::queue_with_partition;

const SETTINGS: Settings = Settings {
    config: QueueConfig {
        retention_ms: 60_000,
        in_flight_max: 100,
        visibility_max_ms: 43_200_000,
        dead_letters: None,
        policy: sluice_engine::Policy::Standard { back_of_queue_receives: None },
    },
    version: 0,
};

#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now_ms(&self) -> u64 {
        1_700_000_000_000
    }
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

#[test]
fn every_request_is_answered_when_more_wait_than_one_batch_takes() {
    const REQUESTS: usize = 2 * BATCH_COMMANDS_MAX + 100;
    let shard = MemoryStore::new().open_shard(ShardId(1)).expect("free");
    let (health, transfers) = (Health::default(), Arc::default());
    let published = Published::of(queue_with_partition(1));
    let thread = ShardThread::new(shard, Arc::new(Still), health, published, transfers);
    let (mailbox, requests) = sync_channel(REQUESTS);
    let admission = Arc::new(Admission::new(Arc::default()));
    let mut answers = Vec::new();
    for number in 1..=REQUESTS {
        let (reply, answer) = oneshot::channel();
        mailbox.try_send(send_one(number as u64, &admission, reply)).expect("room");
        answers.push(answer);
    }
    drop(mailbox);
    thread.run(&requests);
    let decided = answers.into_iter().filter_map(|mut answer| answer.try_recv().ok()).count();
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
    let shard = store.open_shard(ShardId(1)).expect("free");
    let (clock, health) = (Arc::new(Moved::default()), Health::default());
    let published = Published::of(queue_with_partition(1));
    let mut thread =
        ShardThread::new(shard, clock.clone(), health.clone(), published, Arc::default());
    let (_mailbox, requests) = sync_channel(1);
    let (reply, mut sent) = oneshot::channel();
    let admission = Arc::new(Admission::new(Arc::default()));
    thread.turn(Some(send_one(1, &admission, reply)), &requests);
    assert!(sent.try_recv().expect("an answer").is_ok());

    store.faults().fail_next_sync(1);
    clock.0.store(SETTINGS.config.retention_ms + 1, std::sync::atomic::Ordering::Relaxed);
    thread.turn(None, &requests);
    assert!(!health.is_good(), "the sync of the message's removal failed");
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
    let shard = MemoryStore::new().open_shard(ShardId(1)).expect("free");
    let (clock, transfers) = (Arc::new(Leaping::default()), Arc::default());
    let published = Published::of(queue_with_partition(1));
    let health = Health::default();
    let mut thread = ShardThread::new(shard, clock, health, published, transfers);
    let (mailbox, requests) = sync_channel(2);
    let (reply, mut received) = oneshot::channel();
    let receive = ShardRequest::Command {
        partition: 1,
        settings: SETTINGS,
        request: RequestId(1),
        command: Command::Receive {
            count_max: 1,
            wait_ms: 20_000,
            visibility_ms: 0,
            attempt: None,
        },
        admitted: Arc::new(Admission::new(Arc::default())).admit_anyway(1, &[]),
        bodies: Vec::new(),
        reply,
    };
    let (reply, mut caught_up) = oneshot::channel();
    mailbox.try_send(ShardRequest::CatchUp { reply }).expect("room");
    thread.turn(Some(receive), &requests);
    let received = received.try_recv().expect("an answer").expect("no fault");
    assert_eq!(received, Reply::Received(Vec::new()));
    let caught_up = caught_up.try_recv().expect("an answer").expect("no fault");
    assert_eq!(caught_up, Reply::Purged);
}
