//! Defects on purpose, so that tests/soak can show that its checker would find them. Only in builds with the feature
//! `sabotage`; the environment variable `SABOTAGE` names the one defect that such a server has.
//!
//! Each defect breaks one promise, now and then, at one of the places where commands, changes and replies pass.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use sluice_engine::{Change, Command, QueueConfig, Reply, Sequence};

use super::calls::Shared;
use super::message::Received;
use super::queue::Queue;
use super::shard::ReplySender;

/// What can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Defect {
    AttributesLost,
    BodyOfAnother,
    ChangeIgnored,
    CountersWrong,
    DeduplicationForgotten,
    DeduplicationTooEager,
    DelayIgnored,
    DeleteIgnored,
    DeleteUndoneByRestart,
    GroupNotLocked,
    HiddenForever,
    HiddenTooShort,
    LongPollNotWoken,
    MoveTaskStopsEarly,
    OneReceiveTooMany,
    OrderSwapped,
    PurgeIgnored,
    PurgeOfOtherQueues,
    ReceiveNotCounted,
    ReplyBeforeDurable,
    RetentionTooShort,
    SequenceNumbersFall,
    TimeoutsLostAtRestart,
    TransferDoubles,
    TransferLoses,
}

use Defect::*;

const DEFECTS: &[(&str, Defect)] = &[
    ("attributes-lost", AttributesLost),
    ("body-of-another", BodyOfAnother),
    ("change-ignored", ChangeIgnored),
    ("counters-wrong", CountersWrong),
    ("deduplication-forgotten", DeduplicationForgotten),
    ("deduplication-too-eager", DeduplicationTooEager),
    ("delay-ignored", DelayIgnored),
    ("delete-ignored", DeleteIgnored),
    ("delete-undone-by-restart", DeleteUndoneByRestart),
    ("group-not-locked", GroupNotLocked),
    ("hidden-forever", HiddenForever),
    ("hidden-too-short", HiddenTooShort),
    ("long-poll-not-woken", LongPollNotWoken),
    ("move-task-stops-early", MoveTaskStopsEarly),
    ("one-receive-too-many", OneReceiveTooMany),
    ("order-swapped", OrderSwapped),
    ("purge-ignored", PurgeIgnored),
    ("purge-of-other-queues", PurgeOfOtherQueues),
    ("receive-not-counted", ReceiveNotCounted),
    ("reply-before-durable", ReplyBeforeDurable),
    ("retention-too-short", RetentionTooShort),
    ("sequence-numbers-fall", SequenceNumbersFall),
    ("timeouts-lost-at-restart", TimeoutsLostAtRestart),
    ("transfer-doubles", TransferDoubles),
    ("transfer-loses", TransferLoses),
];

/// How long what was answered is not durable yet.
const NOT_DURABLE: Duration = Duration::from_millis(30);

/// Whether the server has this defect.
pub(super) fn has(defect: Defect) -> bool {
    static CHOSEN: OnceLock<Option<Defect>> = OnceLock::new();
    let chosen = CHOSEN.get_or_init(|| {
        let name = std::env::var("SABOTAGE").ok()?;
        let found = DEFECTS.iter().find(|(known, _)| *known == name);
        Some(found.expect("SABOTAGE names a defect").1)
    });
    *chosen == Some(defect)
}

/// The same, every so many times.
fn strikes(defect: Defect, every: u64) -> bool {
    static OCCASIONS: AtomicU64 = AtomicU64::new(1);
    has(defect) && OCCASIONS.fetch_add(1, Ordering::Relaxed).is_multiple_of(every)
}

/// Changes a command on its way to a shard.
pub(super) fn command(command: Command, bodies: Vec<Vec<u8>>) -> (Command, Vec<Vec<u8>>) {
    let mut bodies = bodies;
    let command = match command {
        Command::Send(mut messages) => {
            for message in &mut messages {
                message.delay_ms = if has(DelayIgnored) { 0 } else { message.delay_ms };
                if let Some(deduplication) = &mut message.deduplication {
                    if strikes(GroupNotLocked, 5) {
                        message.group.0 ^= 1;
                    }
                    if strikes(DeduplicationTooEager, 20) {
                        deduplication.key = 1;
                    }
                }
                if strikes(DeduplicationForgotten, 3) {
                    message.deduplication = None;
                }
            }
            if messages.len() > 1 && has(OrderSwapped) {
                messages.swap(0, 1);
                bodies.swap(0, 1);
            }
            Command::Send(messages)
        }
        Command::Receive { count_max, wait_ms, mut visibility_ms, attempt } => {
            if strikes(HiddenTooShort, 3) {
                visibility_ms /= 4;
            }
            if strikes(HiddenForever, 50) {
                visibility_ms = 40_000_000;
            }
            Command::Receive { count_max, wait_ms, visibility_ms, attempt }
        }
        Command::Delete(mut handles) => {
            for handle in &mut handles {
                if strikes(DeleteIgnored, 20) {
                    handle.sequence = Sequence(1);
                }
            }
            Command::Delete(handles)
        }
        Command::ChangeVisibility(mut changes) => {
            for (_, hidden_ms) in &mut changes {
                if *hidden_ms > 0 && strikes(ChangeIgnored, 2) {
                    *hidden_ms = 1;
                }
            }
            Command::ChangeVisibility(changes)
        }
        Command::Arrive { from, mut arrivals } if arrivals.len() == bodies.len() => {
            if strikes(TransferLoses, 10) {
                arrivals.pop();
                bodies.pop();
            }
            if let (Some(last), true) = (arrivals.last().copied(), strikes(TransferDoubles, 10)) {
                let number = Sequence(last.number.0 + 1);
                arrivals.push(sluice_engine::Arrival { number, ..last });
                bodies.extend(bodies.last().cloned());
            }
            Command::Arrive { from, arrivals }
        }
        other => other,
    };
    (command, bodies)
}

/// The message whose delete was not stored last.
fn spared() -> MutexGuard<'static, Option<Sequence>> {
    static SPARED: Mutex<Option<Sequence>> = Mutex::new(None);
    SPARED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is stored of a change that memory has made.
pub(super) fn stored(change: Change) -> Option<Change> {
    match change {
        Change::Untouched(sequence) if strikes(DeleteUndoneByRestart, 10) => {
            *spared() = Some(sequence);
            None
        }
        Change::Erased(sequence) if *spared() == Some(sequence) => None,
        Change::Touched(sequence, mut row) if has(TimeoutsLostAtRestart) => {
            row.visible_at_ms = 0;
            Some(Change::Touched(sequence, row))
        }
        other => Some(other),
    }
}

/// Answers before the commit, which comes a little later.
#[expect(clippy::disallowed_methods, reason = "what is wrong here is meant to be wrong")]
pub(super) fn reply_early(replies: &mut Vec<(ReplySender, Reply)>) {
    if !replies.is_empty() && has(ReplyBeforeDurable) {
        for (sender, reply) in replies.drain(..) {
            drop(sender.send(Ok(reply)));
        }
        std::thread::sleep(NOT_DURABLE);
    }
}

/// Changes what a receive gives.
pub(super) fn received(mut received: Received) -> Received {
    static EARLIER: Mutex<String> = Mutex::new(String::new());
    if has(BodyOfAnother) {
        let mut earlier = EARLIER.lock().unwrap_or_else(PoisonError::into_inner);
        if strikes(BodyOfAnother, 50) {
            received.message.body.clone_from(&earlier);
        }
        earlier.clone_from(&received.message.body);
    }
    if strikes(AttributesLost, 50) {
        received.message.attributes.pop();
    }
    if received.receive_count == 2 && has(ReceiveNotCounted) {
        received.receive_count = 1;
    }
    if let Some(number) = &mut received.sequence_number
        && has(SequenceNumbersFall)
    {
        *number = number.bytes().map(|digit| char::from(b'0' + b'9' - digit)).collect();
    }
    received
}

/// Lets a receive sleep instead of wait.
pub(super) async fn poll(command: Command) -> Command {
    match command {
        Command::Receive { count_max, wait_ms, visibility_ms, attempt }
            if has(LongPollNotWoken) =>
        {
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            Command::Receive { count_max, wait_ms: 0, visibility_ms, attempt }
        }
        other => other,
    }
}

/// The queues that a purge empties instead of the one that it should.
pub(super) fn purged_instead(shared: &Shared) -> Option<Vec<Arc<Queue>>> {
    if has(PurgeOfOtherQueues) {
        return Some(shared.published.get().queues().cloned().collect());
    }
    has(PurgeIgnored).then(Vec::new)
}

/// Changes the settings of a queue.
pub(super) fn config(mut config: QueueConfig) -> QueueConfig {
    if let Some(dead_letters) = &mut config.dead_letters
        && has(OneReceiveTooMany)
    {
        dead_letters.receives_max += 1;
    }
    if has(RetentionTooShort) {
        config.retention_ms = 3_000;
    }
    config
}
