//! What is in memory has a bound in each dimension, however much is stored. Counted in entries, not in bytes.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a failed test is meant to panic")]

use sluice_engine::{
    Command, DeadLetters, Deduplication, Destination, GroupId, Limits, NewMessage, Policy,
    QueueAddress, QueueConfig, Reply,
};

mod support;
use support::{Harness, Sabotage};

const LIMITS: Limits = Limits {
    window_max: 16,
    window_low: 10,
    windows_max: 100,
    index_max: 20,
    groups_ahead: 4,
    returned_max: 12,
    passed_min: 3,
    tick_rows_max: 50,
};
const IN_FLIGHT_MAX: usize = 30;
/// Noisy tenants at most, all of which count as groups ahead.
const NOISY_MAX: usize = 32;
/// Deduplication keys and senders of one commit.
const COMMIT_MAX: usize = 10;

/// What `docs/operations.md` says.
fn entries_max(in_flight: usize) -> usize {
    let windows = LIMITS.windows_max + (LIMITS.groups_ahead + NOISY_MAX + 1) * LIMITS.window_max;
    let indexes = 4 * LIMITS.index_max;
    let groups = 1 + LIMITS.index_max + NOISY_MAX + in_flight + COMMIT_MAX;
    let touched = in_flight + LIMITS.returned_max;
    // One entry of the log of each group in flight is kept in any case.
    windows + indexes + groups + touched + in_flight + COMMIT_MAX
}

fn config(policy: Policy, in_flight_max: usize) -> QueueConfig {
    QueueConfig {
        retention_ms: 1_000_000_000,
        in_flight_max,
        visibility_max_ms: 43_200_000,
        dead_letters: None,
        policy,
    }
}

const STANDARD: Policy = Policy::Standard { back_of_queue_receives: None };
const FIFO: Policy = Policy::Fifo { delay_ms: 0 };

fn harness(policy: Policy) -> Harness {
    Harness::new(config(policy, IN_FLIGHT_MAX), LIMITS, Sabotage::Nothing)
}

fn message(group: u128) -> NewMessage {
    NewMessage { group: GroupId(group), delay_ms: 0, deduplication: None }
}

/// Sends one message after the other, a commit each.
fn send(harness: &mut Harness, messages: impl IntoIterator<Item = NewMessage>) {
    for message in messages {
        harness.call(Command::Send(vec![message]));
        harness.flush();
    }
}

fn receive(harness: &mut Harness, visibility_ms: u64) -> usize {
    let receive = Command::Receive { count_max: 10, wait_ms: 0, visibility_ms, attempt: None };
    match harness.call(receive) {
        Reply::Received(deliveries) => deliveries.len(),
        Reply::OverLimit => 0,
        other => panic!("unexpected {other:?}"),
    }
}

/// Receives until there is nothing more to be had, a commit each.
fn receive_all(harness: &mut Harness, visibility_ms: u64) -> usize {
    let mut received = 0;
    loop {
        match receive(harness, visibility_ms) {
            0 => return received,
            count => received += count,
        }
        harness.flush();
    }
}

fn check(harness: &mut Harness, at_least: usize) {
    harness.flush();
    let entries = harness.entries();
    assert!(entries <= entries_max(IN_FLIGHT_MAX), "{entries} entries");
    assert!(entries >= at_least, "only {entries} entries: the test does not fill what it means to");
}

#[test]
fn a_backlog_takes_a_window() {
    let mut harness = harness(STANDARD);
    send(&mut harness, (0..500).map(|_| message(0)));
    harness.flush();
    assert_eq!(harness.entries(), LIMITS.window_max + 1, "the window and its group");
    harness.restart();
    assert_eq!(harness.entries(), LIMITS.window_max + 1);
}

#[test]
fn many_tenants_and_many_groups_share_the_windows() {
    for policy in [STANDARD, FIFO] {
        let mut harness = harness(policy);
        send(&mut harness, (0..1_500).map(|number| message(1 + number % 100)));
        check(&mut harness, LIMITS.windows_max);
        harness.restart();
        check(&mut harness, LIMITS.index_max);
        receive_all(&mut harness, 40_000);
        send(&mut harness, (0..1_500).map(|number| message(1 + number % 100)));
        check(&mut harness, LIMITS.windows_max);
    }
}

#[test]
fn groups_whose_messages_are_in_flight_keep_little_of_their_logs() {
    let mut harness = harness(FIFO);
    send(&mut harness, (0..60).map(|number| message(1 + number)));
    assert_eq!(receive_all(&mut harness, 40_000), IN_FLIGHT_MAX);
    send(&mut harness, (0..3_000).map(|number| message(1 + number % 60)));
    check(&mut harness, LIMITS.windows_max);
}

#[test]
fn delays_deduplication_and_the_outbox_take_a_page_each() {
    let mut delayed = harness(STANDARD);
    send(&mut delayed, (0..500).map(|delay| NewMessage { delay_ms: 1_000 + delay, ..message(0) }));
    check(&mut delayed, LIMITS.index_max);

    let mut deduplicated = harness(FIFO);
    let key =
        |key| NewMessage { deduplication: Some(Deduplication { key, message: key }), ..message(1) };
    send(&mut deduplicated, (0..500).map(key));
    check(&mut deduplicated, LIMITS.index_max);

    let mut leaving = harness(STANDARD);
    send(&mut leaving, (0..500).map(|_| message(0)));
    let to = Destination::Queue(QueueAddress(7));
    while leaving.call(Command::Depart { count_max: 10, to })
        != (Reply::Departed { count: 0, is_all: true })
    {
        leaving.flush();
    }
    check(&mut leaving, LIMITS.index_max);
}

#[test]
fn messages_that_keep_failing_go_back_to_the_log() {
    for policy in [STANDARD, FIFO] {
        let mut harness = harness(policy);
        let group = |number: u128| if policy == FIFO { 1 + number % 50 } else { 0 };
        send(&mut harness, (0..500).map(|number| message(group(number))));
        for _ in 0..40 {
            receive_all(&mut harness, 1_000);
            check(&mut harness, IN_FLIGHT_MAX);
            harness.advance_to(harness.now_ms + 1_000);
            check(&mut harness, LIMITS.window_low);
        }
        harness.restart();
        check(&mut harness, LIMITS.window_low);
    }
}

#[test]
fn a_purge_leaves_nothing_in_memory() {
    let mut harness = harness(FIFO);
    send(&mut harness, (0..300).map(|number| message(1 + number % 60)));
    receive_all(&mut harness, 40_000);
    harness.call(Command::Purge);
    harness.flush();
    assert_eq!(harness.entries(), 0);
}

#[test]
fn dead_letters_before_a_message_are_cleared_though_nobody_waits() {
    let dead_letters = Some(DeadLetters { receives_max: 1, queue: QueueAddress(7) });
    let config = QueueConfig { dead_letters, ..config(STANDARD, usize::MAX) };
    let mut harness = Harness::new(config, LIMITS, Sabotage::Nothing);
    send(&mut harness, (0..1_000).map(|_| message(0)));
    assert_eq!(receive_all(&mut harness, 1_000), 1_000);
    harness.advance_to(harness.now_ms + 2_000);
    send(&mut harness, [message(0)]);
    let poll = Command::Receive { count_max: 1, wait_ms: 0, visibility_ms: 1_000, attempt: None };
    // The first look at it comes before the tick.
    let request = harness.submit(poll, &[]);
    assert_eq!(harness.reply(request), None, "the way is not clear yet");
    assert_eq!(harness.take_departed().len(), LIMITS.tick_rows_max);
    harness.now_ms += 150;
    harness.tick();
    assert_eq!(harness.reply(request), Some(Reply::Received(Vec::new())), "it was patient enough");
    harness.advance_to(harness.now_ms);
    while harness.wakes_at_once() {
        harness.tick();
    }
    assert_eq!(harness.take_departed().len(), 1_000 - LIMITS.tick_rows_max);
    assert_eq!(receive(&mut harness, 1_000), 1);
}
