//! Which deduplication keys are looked up on disk.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a failed test is meant to panic")]

use sluice_engine::{
    Command, Deduplication, GroupId, Limits, NewMessage, Policy, QueueConfig, Reply, SendOutcome,
};

mod support;
use support::{Harness, Sabotage};

const WINDOW_MS: u64 = 300_000;

fn harness() -> Harness {
    let config = QueueConfig {
        retention_ms: 1_000_000_000,
        in_flight_max: 1_000,
        visibility_max_ms: 43_200_000,
        dead_letters: None,
        policy: Policy::Fifo { delay_ms: 0 },
    };
    Harness::new(config, Limits::SERVER, Sabotage::Nothing)
}

/// Sends messages with these keys, each in a commit of its own. Returns how many of them were new, and how many of their
/// keys were looked up.
fn send(harness: &mut Harness, keys: impl IntoIterator<Item = u128>) -> (usize, usize) {
    let looked_up_before = harness.keys_looked_up;
    let mut new = 0;
    for key in keys {
        // As a hash: neighbours have little in common.
        let key = (key + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        let deduplication = Some(Deduplication { key, message: key });
        let message = NewMessage { group: GroupId(1), delay_ms: 0, deduplication };
        let Reply::Sent(outcomes) = harness.call(Command::Send(vec![message])) else {
            panic!("a send is answered with its outcome");
        };
        new += usize::from(matches!(outcomes[..], [SendOutcome::Accepted(_)]));
        harness.flush();
    }
    (new, harness.keys_looked_up - looked_up_before)
}

#[test]
fn a_new_key_is_not_looked_up_and_a_repeated_one_is() {
    let mut harness = harness();
    assert_eq!(send(&mut harness, 0..50), (50, 0));
    assert_eq!(send(&mut harness, 0..50), (0, 50));
    harness.call(Command::Purge);
    harness.flush();
    assert_eq!(send(&mut harness, 0..50), (50, 0));
}

#[test]
fn what_was_sent_before_the_partition_was_opened_is_looked_up_until_it_is_forgotten() {
    let mut harness = harness();
    send(&mut harness, 0..50);
    harness.restart();
    harness.advance_to(harness.now_ms + 1);
    assert_eq!(send(&mut harness, 40..60), (10, 20));
    harness.advance_to(harness.now_ms + WINDOW_MS);
    assert_eq!(send(&mut harness, 60..70), (10, 0));
    // Forgotten, and in no filter; or in one that still has others.
    assert_eq!(send(&mut harness, 0..40), (40, 0));
    assert_eq!(send(&mut harness, 60..70), (0, 10));
}

#[test]
fn a_clock_that_goes_back_hides_no_key() {
    let mut harness = harness();
    harness.advance_to(harness.now_ms + WINDOW_MS);
    send(&mut harness, 0..10);
    harness.now_ms -= WINDOW_MS / 2;
    send(&mut harness, 10..20);
    assert_eq!(send(&mut harness, 0..20), (0, 20));
    harness.restart();
    assert_eq!(send(&mut harness, 0..20), (0, 20));
    harness.now_ms += WINDOW_MS / 2;
    // Their window is over, that of the others is not.
    harness.advance_to(harness.now_ms + WINDOW_MS / 2);
    assert_eq!(send(&mut harness, 10..20).0, 10);
    assert_eq!(send(&mut harness, 0..10).0, 0);
}
