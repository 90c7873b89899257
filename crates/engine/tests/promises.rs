//! Random commands, times and restarts against a plain model of what a standard queue promises, and deliberately
//! broken engines that the model must catch.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a failed test is meant to panic")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use sluice_engine::{
    Command, DeleteOutcome, GroupId, Handle, Limits, NewMessage, Policy, QueueConfig, Reply,
    SendOutcome, Sequence, VisibilityOutcome,
};

mod support;
use support::properties::{cases, is_caught, is_kept};
use support::{Harness, Sabotage, checked};

const IN_FLIGHT_MAX: usize = 6;
const RETENTION_MS: u64 = 60_000;
/// Bounds so low that every path through disk is taken.
const LIMITS: Limits = Limits {
    window_max: 6,
    window_low: 4,
    windows_max: 12,
    index_max: 2,
    groups_ahead: 4,
    returned_max: 3,
    passed_min: 3,
    tick_rows_max: 5,
};

#[derive(Debug, Clone)]
enum Step {
    Send { delays_ms: Vec<u64> },
    Receive { count_max: usize, hidden_ms: u64 },
    Delete { handle: usize },
    Hide { handle: usize, hidden_ms: u64 },
    Wait { time_ms: u64 },
    Oversleep { time_ms: u64 },
    Count,
    Peek,
    Purge,
    Restart,
    Close,
}

fn step() -> impl Strategy<Value = Step> {
    let delay = prop_oneof![3 => Just(0), 1 => 1_u64..10_000];
    prop_oneof![
        5 => prop::collection::vec(delay, 1..6).prop_map(|delays_ms| Step::Send { delays_ms }),
        6 => (1_usize..5, prop_oneof![Just(0), 1_u64..20_000])
            .prop_map(|(count_max, hidden_ms)| Step::Receive { count_max, hidden_ms }),
        4 => any::<usize>().prop_map(|handle| Step::Delete { handle }),
        2 => (any::<usize>(), prop_oneof![Just(0), 1_u64..20_000, Just(43_200_000)])
            .prop_map(|(handle, hidden_ms)| Step::Hide { handle, hidden_ms }),
        4 => (0_u64..8_000).prop_map(|time_ms| Step::Wait { time_ms }),
        2 => (0_u64..8_000).prop_map(|time_ms| Step::Oversleep { time_ms }),
        2 => Just(Step::Count),
        1 => Just(Step::Peek),
        1 => Just(Step::Restart),
        2 => Just(Step::Close),
        1 => prop::bool::weighted(0.2).prop_map(|is_purge| if is_purge { Step::Purge } else { Step::Count }),
    ]
}

/// What is known of a message that exists.
#[derive(Debug, Clone)]
struct Known {
    sent_at_ms: u64,
    visible_at_ms: u64,
    receive_count: u32,
}

#[derive(Default)]
struct Model {
    messages: BTreeMap<Sequence, Known>,
    handles: Vec<Handle>,
}

impl Model {
    fn expire(&mut self, now_ms: u64) {
        self.messages.retain(|_, known| known.sent_at_ms + RETENTION_MS > now_ms);
    }

    fn visible(&self, now_ms: u64) -> usize {
        self.messages.values().filter(|known| known.visible_at_ms <= now_ms).count()
    }

    fn in_flight(&self, now_ms: u64) -> usize {
        let is_hidden = |known: &&Known| known.visible_at_ms > now_ms && known.receive_count > 0;
        self.messages.values().filter(is_hidden).count()
    }
}

fn check(steps: &[Step], sabotage: Sabotage) -> Result<(), String> {
    let config = QueueConfig {
        retention_ms: RETENTION_MS,
        in_flight_max: IN_FLIGHT_MAX,
        visibility_max_ms: 43_200_000,
        dead_letters: None,
        policy: Policy::Standard { back_of_queue_receives: Some(3) },
    };
    let mut harness = Harness::new(config, LIMITS, sabotage);
    let mut model = Model::default();
    for step in steps {
        model.expire(harness.now_ms);
        run(step, &mut harness, &mut model).map_err(|why| format!("{step:?}: {why}"))?;
    }
    // At the end everything that should still be there comes out.
    harness.advance_to(harness.now_ms + 20_000);
    model.expire(harness.now_ms);
    while model.visible(harness.now_ms) > 0 {
        let before = model.messages.len();
        run(&Step::Receive { count_max: 4, hidden_ms: 30_000 }, &mut harness, &mut model)?;
        for handle in model.handles.split_off(0) {
            harness.call(Command::Delete(vec![handle]));
            model.messages.remove(&handle.sequence);
        }
        if model.messages.len() == before {
            return Err("visible messages cannot be received".to_owned());
        }
    }
    Ok(())
}

fn run(step: &Step, harness: &mut Harness, model: &mut Model) -> Result<(), String> {
    // One tick has a bound, so what counts messages exactly is asked after all that are due.
    if matches!(step, Step::Receive { .. } | Step::Count | Step::Peek) {
        harness.advance_to(harness.now_ms);
    }
    match step {
        Step::Send { delays_ms } => send(delays_ms, harness, model),
        Step::Receive { count_max, hidden_ms } => receive(*count_max, *hidden_ms, harness, model),
        Step::Delete { handle } => {
            let Some(handle) = pick(model, *handle) else {
                return Ok(());
            };
            let existed = model.messages.remove(&handle.sequence).is_some();
            match harness.call(Command::Delete(vec![handle])) {
                // The engine may still know a message that has just expired.
                Reply::Deleted(deleted) if deleted[0] == DeleteOutcome::Deleted || !existed => {
                    Ok(())
                }
                other => Err(format!("an existing message was not deleted: {other:?}")),
            }
        }
        Step::Hide { handle, hidden_ms } => hide(*handle, *hidden_ms, harness, model),
        Step::Wait { time_ms } => {
            harness.advance_to(harness.now_ms + time_ms);
            Ok(())
        }
        // Time passes, and the next command comes before the tick.
        Step::Oversleep { time_ms } => {
            harness.now_ms += time_ms;
            Ok(())
        }
        Step::Count => count(harness, model),
        Step::Peek => {
            let Reply::Peeked(peeked) = harness.call(Command::Peek(3)) else {
                return Err("no peek".to_owned());
            };
            let is_visible = |sequence| {
                model
                    .messages
                    .get(&sequence)
                    .is_some_and(|known| known.visible_at_ms <= harness.now_ms)
            };
            match peeked.iter().all(|delivery| is_visible(delivery.sequence)) {
                true => Ok(()),
                false => Err(format!("peeked at something that is not visible: {peeked:?}")),
            }
        }
        Step::Purge => {
            harness.call(Command::Purge);
            model.messages.clear();
            Ok(())
        }
        Step::Restart => {
            harness.restart();
            Ok(())
        }
        // Nobody may be able to tell.
        Step::Close => {
            harness.close();
            Ok(())
        }
    }
}

fn pick(model: &Model, index: usize) -> Option<Handle> {
    let index = index.checked_rem(model.handles.len())?;
    Some(model.handles[index])
}

fn send(delays_ms: &[u64], harness: &mut Harness, model: &mut Model) -> Result<(), String> {
    let messages = delays_ms
        .iter()
        .map(|delay_ms| NewMessage {
            group: GroupId::NONE,
            delay_ms: *delay_ms,
            deduplication: None,
        })
        .collect();
    let bodies: Vec<String> = delays_ms.iter().map(|_| "body".to_owned()).collect();
    let request = harness.start_with_bodies(Command::Send(messages), &bodies);
    let Some(Reply::Sent(sent)) = harness.reply(request) else {
        return Err("no answer".to_owned());
    };
    for (outcome, delay_ms) in sent.iter().zip(delays_ms) {
        let SendOutcome::Accepted(sequence) = outcome else {
            return Err("a repetition".to_owned());
        };
        let known = Known {
            sent_at_ms: sequence.at_ms(),
            visible_at_ms: harness.now_ms + delay_ms,
            receive_count: 0,
        };
        if model.messages.insert(*sequence, known).is_some() {
            return Err(format!("{sequence:?} was given out twice"));
        }
    }
    Ok(())
}

fn receive(
    count_max: usize,
    hidden_ms: u64,
    harness: &mut Harness,
    model: &mut Model,
) -> Result<(), String> {
    let now_ms = harness.now_ms;
    let room = IN_FLIGHT_MAX.saturating_sub(model.in_flight(now_ms));
    let expected = match hidden_ms {
        0 if room > 0 => model.visible(now_ms).min(count_max),
        _ => model.visible(now_ms).min(count_max).min(room),
    };
    harness.flush();
    let has_nothing_expired = harness.rows.bodies.len() == model.messages.len();
    let reply = harness.call(Command::Receive {
        count_max,
        wait_ms: 0,
        visibility_ms: hidden_ms,
        attempt: None,
    });
    let deliveries = match reply {
        Reply::Received(deliveries) => deliveries,
        Reply::OverLimit if room == 0 => return Ok(()),
        other => return Err(format!("unexpected {other:?}")),
    };
    // Expired entries that a receive meets make its answer shorter, never empty.
    let is_exact = expected == 0 || has_nothing_expired;
    if deliveries.len() > expected
        || (expected > 0 && deliveries.is_empty())
        || (is_exact && deliveries.len() < expected)
    {
        return Err(format!("{expected} messages expected, {} received", deliveries.len()));
    }
    for delivery in deliveries {
        let known =
            model.messages.get_mut(&delivery.sequence).ok_or("a message that does not exist")?;
        if known.visible_at_ms > now_ms {
            return Err("a hidden message was received".to_owned());
        }
        known.receive_count += 1;
        // Zero leaves it visible; the model marks it with the next millisecond only within this receive.
        known.visible_at_ms = now_ms + hidden_ms;
        model.handles.push(checked(harness, &delivery, known.receive_count)?);
    }
    Ok(())
}

fn hide(
    index: usize,
    hidden_ms: u64,
    harness: &mut Harness,
    model: &mut Model,
) -> Result<(), String> {
    let Some(handle) = pick(model, index) else {
        return Ok(());
    };
    let now_ms = harness.now_ms;
    let Reply::VisibilityChanged(outcomes) =
        harness.call(Command::ChangeVisibility(vec![(handle, hidden_ms)]))
    else {
        return Err("no answer".to_owned());
    };
    let known = model.messages.get_mut(&handle.sequence);
    let expected = match &known {
        None => VisibilityOutcome::Gone,
        Some(_) if now_ms + hidden_ms - handle.received_at_ms > 43_200_000 => {
            VisibilityOutcome::BeyondLimit
        }
        Some(_) => VisibilityOutcome::Changed,
    };
    if outcomes[0] != expected {
        return Err(format!("{expected:?} expected, {:?} found", outcomes[0]));
    }
    if let (Some(known), VisibilityOutcome::Changed) = (known, expected) {
        known.visible_at_ms = now_ms + hidden_ms;
    }
    Ok(())
}

fn count(harness: &mut Harness, model: &Model) -> Result<(), String> {
    let now_ms = harness.now_ms;
    let Reply::Counted(found) = harness.call(Command::Count) else {
        return Err("no counters".to_owned());
    };
    let in_flight = model.in_flight(now_ms) as u64;
    let visible = model.visible(now_ms) as u64;
    let delayed = model.messages.len() as u64 - visible - in_flight;
    if found.in_flight != in_flight || found.delayed != delayed {
        return Err(format!(
            "{in_flight} in flight and {delayed} delayed expected, found {found:?}"
        ));
    }
    // Expired entries are counted until they reach the old end of the log; everything else is exact.
    harness.flush();
    let on_disk = harness.rows.bodies.len() as u64;
    if found.visible < visible || found.visible + found.in_flight + found.delayed != on_disk {
        return Err(format!("{visible} visible expected of {on_disk} stored, found {found:?}"));
    }
    Ok(())
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..80)
}

#[test]
fn a_standard_queue_keeps_its_promises() {
    is_kept(cases(2_000), steps(), |steps| check(&steps, Sabotage::Nothing));
}

/// Sends, receives and deletes while the clock jumps both ways; returns what was sent and not deleted, and what comes
/// out in the end.
fn drain_after_clock_jumps(steps: &[(Step, i64)]) -> (Vec<Sequence>, Vec<Sequence>) {
    let config = QueueConfig {
        retention_ms: 1_000_000_000,
        in_flight_max: usize::MAX,
        visibility_max_ms: 43_200_000,
        dead_letters: None,
        policy: Policy::Standard { back_of_queue_receives: Some(3) },
    };
    let mut harness = Harness::new(config, LIMITS, Sabotage::Nothing);
    let (mut model, mut handles) = (Model::default(), Vec::new());
    for (step, jump_ms) in steps {
        harness.now_ms = harness.now_ms.saturating_add_signed(*jump_ms);
        match step {
            Step::Send { delays_ms } => send(delays_ms, &mut harness, &mut model).unwrap(),
            Step::Receive { count_max, hidden_ms } => {
                let receive = Command::Receive {
                    count_max: *count_max,
                    wait_ms: 0,
                    visibility_ms: *hidden_ms,
                    attempt: None,
                };
                let Reply::Received(deliveries) = harness.call(receive) else {
                    panic!("not received");
                };
                handles.extend(deliveries.iter().map(|delivery| Handle {
                    sequence: delivery.sequence,
                    receive_count: delivery.receive_count,
                    received_at_ms: delivery.received_at_ms,
                }));
            }
            Step::Delete { handle } => {
                if let Some(index) = handle.checked_rem(handles.len()) {
                    harness.call(Command::Delete(vec![handles[index]]));
                    model.messages.remove(&handles[index].sequence);
                }
            }
            Step::Restart | Step::Close => harness.restart(),
            Step::Hide { .. }
            | Step::Wait { .. }
            | Step::Oversleep { .. }
            | Step::Count
            | Step::Peek
            | Step::Purge => harness.advance_to(harness.now_ms),
        }
    }
    harness.advance_to(harness.now_ms + 100_000_000);
    let mut drained = Vec::new();
    loop {
        let receive =
            Command::Receive { count_max: 9, wait_ms: 0, visibility_ms: 1_000, attempt: None };
        match harness.call(receive) {
            Reply::Received(deliveries) if deliveries.is_empty() => break,
            Reply::Received(deliveries) => {
                drained.extend(deliveries.iter().map(|delivery| delivery.sequence));
            }
            other => panic!("unexpected {other:?}"),
        }
    }
    drained.sort_unstable();
    (model.messages.into_keys().collect(), drained)
}

#[test]
fn a_clock_that_jumps_loses_and_repeats_nothing() {
    let jumping = prop::collection::vec((step(), -20_000_i64..20_000), 1..60);
    is_kept(cases(2_000), jumping, |steps| {
        let (expected, drained) = drain_after_clock_jumps(&steps);
        if expected == drained {
            Ok(())
        } else {
            Err(format!("{expected:?} were there, and {drained:?} came"))
        }
    });
}

#[test]
fn a_broken_engine_is_caught() {
    for sabotage in [
        Sabotage::ForgetErased,
        Sabotage::ForgetTouched,
        Sabotage::ForgetLogged,
        Sabotage::IgnoreVisibility,
        Sabotage::IgnoreDelay,
        Sabotage::ForgetGroupRows,
        Sabotage::ForgetReturned,
        Sabotage::LeaveUnlogged,
        Sabotage::ForgetUntouched,
    ] {
        is_caught(500, sabotage, steps(), |steps| check(&steps, sabotage));
    }
}
