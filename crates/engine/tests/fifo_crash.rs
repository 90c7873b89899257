//! FIFO: what a batch that is not committed yet, or never will be, must not break.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a failed test is meant to panic")]

use sluice_engine::{
    Command, Delivery, GroupId, Handle, Limits, NewMessage, Policy, QueueConfig, Reply,
};

mod support;
use support::{Harness, Sabotage};

const LIMITS: Limits = Limits {
    window_max: 8,
    window_low: 4,
    windows_max: 12,
    index_max: 6,
    groups_ahead: 2,
    returned_max: 3,
    passed_min: 3,
    tick_rows_max: 100,
};

fn harness() -> Harness {
    let policy = Policy::Fifo { delay_ms: 0 };
    let config = QueueConfig {
        retention_ms: 1_000_000_000,
        in_flight_max: 100,
        visibility_max_ms: 43_200_000,
        dead_letters: None,
        policy,
    };
    Harness::new(config, LIMITS, Sabotage::Nothing)
}

fn send(harness: &mut Harness, groups: impl IntoIterator<Item = u128>) {
    let new = |group| NewMessage { group: GroupId(group), delay_ms: 0, deduplication: None };
    harness.call(Command::Send(groups.into_iter().map(new).collect()));
}

fn receive(harness: &mut Harness, count_max: usize, visibility_ms: u64) -> Vec<Delivery> {
    match harness.call(Command::Receive { count_max, wait_ms: 0, visibility_ms, attempt: None }) {
        Reply::Received(deliveries) => deliveries,
        other => panic!("unexpected {other:?}"),
    }
}

fn handle(delivery: &Delivery) -> Handle {
    let Delivery { sequence, receive_count, received_at_ms, .. } = *delivery;
    Handle { sequence, receive_count, received_at_ms }
}

#[test]
fn a_group_freed_just_before_a_crash_is_served_after_it() {
    let mut harness = harness();
    send(&mut harness, [1, 1, 1]);
    let taken = receive(&mut harness, 3, 30_000);
    // The second one is back in the log, between the two that are in flight.
    harness.call(Command::ChangeVisibility(vec![(handle(&taken[1]), 0)]));
    harness.restart();
    // The delete is committed before the head of the group's log is read, its place in line after that.
    harness.call(Command::Delete(vec![handle(&taken[0])]));
    harness.crash();
    let again: Vec<_> =
        receive(&mut harness, 3, 30_000).iter().map(|delivery| delivery.sequence).collect();
    assert_eq!(again, [taken[1].sequence]);
}

#[test]
fn a_purge_that_is_not_committed_hides_the_groups_on_disk() {
    let mut harness = harness();
    send(&mut harness, 1..=20);
    harness.flush();
    harness.call(Command::Purge);
    // More groups than memory holds of the line, then one that was in line before the purge.
    send(&mut harness, 101..=110);
    send(&mut harness, [20]);
    let mut received = 0;
    loop {
        let taken = receive(&mut harness, 10, 30_000);
        if taken.is_empty() {
            break;
        }
        received += taken.len();
    }
    assert_eq!(received, 11);
}

#[test]
fn a_short_poll_at_the_cap_finds_nothing() {
    let mut harness = harness();
    harness.config.in_flight_max = 1;
    harness.start(Command::Configure(harness.config));
    send(&mut harness, [1, 2]);
    assert_eq!(receive(&mut harness, 10, 30_000).len(), 1);
    assert_eq!(receive(&mut harness, 10, 30_000), []);
}
