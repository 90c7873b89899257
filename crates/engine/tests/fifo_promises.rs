//! Random commands, times and restarts against a plain model of what a FIFO queue promises, and deliberately broken
//! engines that the model must catch.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a failed test is meant to panic")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use sluice_engine::{
    Command, Deduplication, DeleteOutcome, GroupId, Handle, Limits, NewMessage, Policy,
    QueueConfig, Reply, SendOutcome, Sequence, VisibilityOutcome,
};

mod support;
use support::properties::{cases, is_caught, is_kept};
use support::{Harness, Sabotage, checked};

const WINDOW_MS: u64 = 300_000;
/// Bounds so low that every path through disk is taken.
const LIMITS: Limits = Limits {
    window_max: 6,
    window_low: 4,
    windows_max: 12,
    index_max: 3,
    groups_ahead: 4,
    returned_max: 3,
    passed_min: 3,
    tick_rows_max: 5,
};

/// What a run of steps happens to.
#[derive(Debug, Clone, Copy)]
struct Setup {
    limits: Limits,
    in_flight_max: usize,
    retention_ms: u64,
    groups: u128,
}

const SMALL: Setup =
    Setup { limits: LIMITS, in_flight_max: 8, retention_ms: 1_000_000_000, groups: 7 };

/// Also bounds that let many commands be decided before something is read, and hence committed.
fn setup() -> impl Strategy<Value = Setup> {
    let limits = (4_usize..8, 0_usize..8, 1_usize..14, 4_usize..8, 1_usize..9).prop_map(
        |(window_low, more, index_max, groups_ahead, tick_rows_max)| Limits {
            window_max: window_low + more,
            windows_max: 3 * more,
            window_low,
            index_max,
            groups_ahead,
            returned_max: 3,
            passed_min: 3,
            tick_rows_max,
        },
    );
    let retention_ms = prop_oneof![Just(1_000_000_000), 5_000_u64..200_000];
    (limits, 1_usize..24, retention_ms, 1_u128..31).prop_map(
        |(limits, in_flight_max, retention_ms, groups)| Setup {
            limits,
            in_flight_max,
            retention_ms,
            groups,
        },
    )
}

#[derive(Debug, Clone)]
enum Step {
    Send(Vec<(u128, Option<u128>)>),
    Receive {
        count_max: usize,
        hidden_ms: u64,
    },
    Delete {
        handle: usize,
    },
    Hide {
        handle: usize,
        hidden_ms: u64,
    },
    Wait {
        time_ms: u64,
    },
    QueueDelay {
        delay_ms: u64,
    },
    Count,
    Purge,
    /// The clock moves, and nothing ticks, before the partition is opened again.
    Restart {
        slept_ms: u64,
        is_crash: bool,
    },
    Close,
}

fn step() -> impl Strategy<Value = Step> {
    let message = (0_u128..30, prop::option::weighted(0.4, 1_u128..6));
    prop_oneof![
        6 => prop::collection::vec(message, 1..5).prop_map(Step::Send),
        7 => (1_usize..5, prop_oneof![1 => Just(0), 4 => 1_u64..20_000])
            .prop_map(|(count_max, hidden_ms)| Step::Receive { count_max, hidden_ms }),
        6 => any::<usize>().prop_map(|handle| Step::Delete { handle }),
        3 => (any::<usize>(), prop_oneof![Just(0), 1_u64..20_000, Just(43_200_000)])
            .prop_map(|(handle, hidden_ms)| Step::Hide { handle, hidden_ms }),
        4 => prop_oneof![6 => 0_u64..8_000, 1 => Just(150_000)].prop_map(|time_ms| Step::Wait { time_ms }),
        1 => prop_oneof![2 => Just(0), 1 => 1_u64..6_000]
            .prop_map(|delay_ms| Step::QueueDelay { delay_ms }),
        2 => Just(Step::Count),
        1 => (prop_oneof![Just(0), 1_u64..30_000], any::<bool>())
            .prop_map(|(slept_ms, is_crash)| Step::Restart { slept_ms, is_crash }),
        2 => Just(Step::Close),
        1 => prop::bool::weighted(0.2).prop_map(|is_purge| if is_purge { Step::Purge } else { Step::Count }),
    ]
}

/// What is known of a message that exists.
#[derive(Debug, Clone)]
struct Known {
    group: u128,
    hidden_until_ms: u64,
    receive_count: u32,
    /// Its delay is over. A delay that grows does not take back what was visible already.
    is_due: bool,
}

struct Model {
    setup: Setup,
    messages: BTreeMap<Sequence, Known>,
    duplicates: BTreeMap<u128, (u64, Sequence, u128)>,
    handles: Vec<Handle>,
    delay_ms: u64,
    sends: u128,
}

impl Model {
    fn new(setup: Setup) -> Self {
        Self {
            setup,
            messages: BTreeMap::new(),
            duplicates: BTreeMap::new(),
            handles: Vec::new(),
            delay_ms: 0,
            sends: 0,
        }
    }

    fn is_expired(&self, sequence: Sequence, now_ms: u64) -> bool {
        sequence.at_ms() + self.setup.retention_ms <= now_ms
    }

    fn mature(&mut self, now_ms: u64) {
        for (sequence, known) in &mut self.messages {
            known.is_due |= sequence.at_ms() + self.delay_ms <= now_ms;
        }
    }

    /// Messages that can be received, by group: those before the first hidden one.
    fn deliverable(&self, now_ms: u64) -> BTreeMap<u128, Vec<Sequence>> {
        let mut closed = Vec::new();
        let mut found: BTreeMap<u128, Vec<Sequence>> = BTreeMap::new();
        for (sequence, known) in &self.messages {
            if closed.contains(&known.group) || self.is_expired(*sequence, now_ms) {
                continue;
            }
            if known.hidden_until_ms > now_ms || !known.is_due {
                closed.push(known.group);
            } else {
                found.entry(known.group).or_default().push(*sequence);
            }
        }
        found
    }

    fn in_flight(&self, now_ms: u64) -> usize {
        let is_in_flight = |(sequence, known): &(&Sequence, &Known)| {
            known.hidden_until_ms > now_ms && !self.is_expired(**sequence, now_ms)
        };
        self.messages.iter().filter(is_in_flight).count()
    }
}

fn check(steps: &[Step], setup: Setup, sabotage: Sabotage) -> Result<(), String> {
    let config = QueueConfig {
        retention_ms: setup.retention_ms,
        in_flight_max: setup.in_flight_max,
        visibility_max_ms: 43_200_000,
        dead_letters: None,
        policy: Policy::Fifo { delay_ms: 0 },
    };
    let mut harness = Harness::new(config, setup.limits, sabotage);
    let mut model = Model::new(setup);
    for step in steps {
        run(step, &mut harness, &mut model).map_err(|why| format!("{step:?}: {why}"))?;
    }
    // At the end everything that should still be there comes out.
    harness.advance_to(harness.now_ms + 43_200_000);
    model.mature(harness.now_ms);
    while !model.deliverable(harness.now_ms).is_empty() {
        let before = model.messages.len();
        receive(4, 30_000, &mut harness, &mut model)?;
        for index in 0..model.handles.len() {
            delete(index, &mut harness, &mut model)?;
        }
        model.handles.clear();
        if model.messages.len() == before {
            return Err("messages cannot be received".to_owned());
        }
    }
    // Then nothing is left of it.
    harness.advance_to(harness.now_ms);
    harness.flush();
    let rows = &harness.rows;
    let (partition, counted) = (&rows.partition, rows.log.len() + rows.touched.len());
    let left = counted + rows.due.len() + rows.ready.len() + rows.groups.len() + rows.bodies.len();
    if left != 0 || partition.log_count + partition.due.count + partition.ready.count != 0 {
        return Err(format!("rows are left: {rows:?}"));
    }
    Ok(())
}

fn run(step: &Step, harness: &mut Harness, model: &mut Model) -> Result<(), String> {
    match step {
        Step::Send(messages) => send(messages, harness, model),
        Step::Receive { count_max, hidden_ms } => receive(*count_max, *hidden_ms, harness, model),
        Step::Delete { handle } => delete(*handle, harness, model),
        Step::Hide { handle, hidden_ms } => hide(*handle, *hidden_ms, harness, model),
        Step::Wait { time_ms } => {
            harness.advance_to(harness.now_ms + time_ms);
            model.mature(harness.now_ms);
            Ok(())
        }
        Step::QueueDelay { delay_ms } => {
            model.delay_ms = *delay_ms;
            harness.config.policy = Policy::Fifo { delay_ms: *delay_ms };
            harness.start(Command::Configure(harness.config));
            harness.advance_to(harness.now_ms);
            model.mature(harness.now_ms);
            Ok(())
        }
        Step::Count => count(harness, model),
        Step::Purge => {
            harness.call(Command::Purge);
            model.messages.clear();
            model.duplicates.clear();
            Ok(())
        }
        // Nobody may be able to tell.
        Step::Close => {
            harness.close();
            Ok(())
        }
        Step::Restart { slept_ms, is_crash } => {
            harness.now_ms += slept_ms;
            if *is_crash {
                harness.crash();
            } else {
                harness.restart();
            }
            harness.advance_to(harness.now_ms);
            model.mature(harness.now_ms);
            Ok(())
        }
    }
}

fn send(
    messages: &[(u128, Option<u128>)],
    harness: &mut Harness,
    model: &mut Model,
) -> Result<(), String> {
    let now_ms = harness.now_ms;
    let first = model.sends;
    let groups = model.setup.groups;
    let messages: Vec<_> = messages.iter().map(|(group, key)| (1 + group % groups, *key)).collect();
    let new = |(index, (group, key)): (usize, &(u128, Option<u128>))| NewMessage {
        group: GroupId(*group),
        delay_ms: 0,
        deduplication: key.map(|key| Deduplication { key, message: first + index as u128 }),
    };
    let command = Command::Send(messages.iter().enumerate().map(new).collect());
    let bodies: Vec<String> = messages.iter().map(|_| "body".to_owned()).collect();
    let request = harness.start_with_bodies(command, &bodies);
    let Some(Reply::Sent(outcomes)) = harness.reply(request) else {
        return Err("no answer".to_owned());
    };
    for (outcome, (group, key)) in outcomes.iter().zip(&messages) {
        let message = model.sends;
        model.sends += 1;
        let earlier = key.and_then(|key| model.duplicates.get(&key)).filter(|row| row.0 > now_ms);
        match (outcome, earlier) {
            (SendOutcome::Accepted(sequence), None) => {
                let is_due = model.delay_ms == 0;
                let known = Known { group: *group, hidden_until_ms: 0, receive_count: 0, is_due };
                if model.messages.last_key_value().is_some_and(|(last, _)| last >= sequence) {
                    return Err("sequence numbers do not rise".to_owned());
                }
                model.messages.insert(*sequence, known);
                if let Some(key) = key {
                    model.duplicates.insert(*key, (now_ms + WINDOW_MS, *sequence, message));
                }
            }
            (SendOutcome::Duplicate { sequence, message }, Some(earlier))
                if (*sequence, *message) == (earlier.1, earlier.2) => {}
            (outcome, earlier) => return Err(format!("{outcome:?} although {earlier:?}")),
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
    let mut deliverable = model.deliverable(now_ms);
    let total: usize = deliverable.values().map(Vec::len).sum();
    let room = model.setup.in_flight_max.saturating_sub(model.in_flight(now_ms));
    let expected = match hidden_ms {
        0 if room > 0 => total.min(count_max),
        _ => total.min(count_max).min(room),
    };
    let command =
        Command::Receive { count_max, wait_ms: 0, visibility_ms: hidden_ms, attempt: None };
    let deliveries = match harness.call(command) {
        Reply::Received(deliveries) => deliveries,
        other => return Err(format!("unexpected {other:?}")),
    };
    let has_expired = model.messages.keys().any(|sequence| model.is_expired(*sequence, now_ms));
    // What has expired takes the room of what is read ahead; then a receive gets fewer, but never none.
    let is_as_expected = if has_expired {
        deliveries.len() <= expected && deliveries.is_empty() == (expected == 0)
    } else {
        deliveries.len() == expected
    };
    if !is_as_expected {
        return Err(format!("{expected} messages expected, {} received", deliveries.len()));
    }
    for delivery in deliveries {
        let known =
            model.messages.get_mut(&delivery.sequence).ok_or("a message that does not exist")?;
        let of_group = deliverable.get_mut(&known.group).ok_or("a locked group was served")?;
        if of_group.first() != Some(&delivery.sequence) {
            return Err(format!("{:?} is out of order in its group", delivery.sequence));
        }
        of_group.remove(0);
        known.receive_count += 1;
        known.hidden_until_ms = now_ms + hidden_ms;
        model.handles.push(checked(harness, &delivery, known.receive_count)?);
    }
    Ok(())
}

/// Whether a handle still holds its message.
fn holds(model: &Model, handle: Handle, now_ms: u64) -> Option<bool> {
    let known = model.messages.get(&handle.sequence)?;
    if known.hidden_until_ms > now_ms && model.is_expired(handle.sequence, now_ms) {
        return None;
    }
    Some(known.hidden_until_ms > now_ms && known.receive_count == handle.receive_count)
}

fn delete(index: usize, harness: &mut Harness, model: &mut Model) -> Result<(), String> {
    let Some(index) = index.checked_rem(model.handles.len()) else { return Ok(()) };
    let handle = model.handles[index];
    let expected = match holds(model, handle, harness.now_ms) {
        None => DeleteOutcome::Gone,
        Some(false) => DeleteOutcome::Expired,
        Some(true) => DeleteOutcome::Deleted,
    };
    if expected == DeleteOutcome::Deleted {
        model.messages.remove(&handle.sequence);
    }
    let is_expired = model.is_expired(handle.sequence, harness.now_ms);
    match harness.call(Command::Delete(vec![handle])) {
        Reply::Deleted(found) if found[0] == expected => Ok(()),
        Reply::Deleted(found) if is_expired && found[0] != DeleteOutcome::Deleted => Ok(()),
        other => Err(format!("{expected:?} expected, found {other:?}")),
    }
}

fn hide(
    index: usize,
    hidden_ms: u64,
    harness: &mut Harness,
    model: &mut Model,
) -> Result<(), String> {
    let Some(index) = index.checked_rem(model.handles.len()) else { return Ok(()) };
    let handle = model.handles[index];
    let now_ms = harness.now_ms;
    let expected = match holds(model, handle, now_ms) {
        None => VisibilityOutcome::Gone,
        Some(false) => VisibilityOutcome::Expired,
        Some(true) if now_ms + hidden_ms - handle.received_at_ms > 43_200_000 => {
            VisibilityOutcome::BeyondLimit
        }
        Some(true) => VisibilityOutcome::Changed,
    };
    if expected == VisibilityOutcome::Changed
        && let Some(known) = model.messages.get_mut(&handle.sequence)
    {
        known.hidden_until_ms = now_ms + hidden_ms;
    }
    let is_expired = model.is_expired(handle.sequence, now_ms);
    match harness.call(Command::ChangeVisibility(vec![(handle, hidden_ms)])) {
        Reply::VisibilityChanged(found) if found[0] == expected => Ok(()),
        Reply::VisibilityChanged(found) if is_expired && found[0] == VisibilityOutcome::Gone => {
            Ok(())
        }
        other => Err(format!("{expected:?} expected, found {other:?}")),
    }
}

fn count(harness: &mut Harness, model: &Model) -> Result<(), String> {
    let now_ms = harness.now_ms;
    let Reply::Counted(found) = harness.call(Command::Count) else {
        return Err("no counters".to_owned());
    };
    let in_flight = model.in_flight(now_ms) as u64;
    let delayed = model.messages.values().filter(|known| !known.is_due).count() as u64;
    let total = model.messages.len() as u64;
    let is_live = |sequence: &&Sequence| !model.is_expired(**sequence, now_ms);
    let live = model.messages.keys().filter(is_live).count() as u64;
    let sum = found.visible + found.in_flight + found.delayed;
    // What has expired is counted until its turn comes.
    let is_sum_right = (live..=total).contains(&sum);
    if found.in_flight != in_flight || !is_sum_right || found.delayed != delayed {
        return Err(format!(
            "{in_flight} in flight, {delayed} delayed, {total} in all expected, found {found:?}"
        ));
    }
    Ok(())
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..80)
}

#[test]
fn a_fifo_queue_keeps_its_promises_whatever_its_bounds() {
    let inputs = (setup(), prop::collection::vec(step(), 1..300));
    let cases = (cases(2_000) / 4).max(1);
    is_kept(cases, inputs, |(setup, steps)| check(&steps, setup, Sabotage::Nothing));
}

#[test]
fn a_fifo_queue_keeps_its_promises() {
    is_kept(cases(2_000), steps(), |steps| check(&steps, SMALL, Sabotage::Nothing));
}

#[test]
fn a_broken_fifo_engine_is_caught() {
    for sabotage in [
        Sabotage::ForgetErased,
        Sabotage::ForgetTouched,
        Sabotage::ForgetLogged,
        Sabotage::IgnoreVisibility,
        Sabotage::ForgetGroupRows,
        Sabotage::ForgetDuplicates,
        Sabotage::ForgetLine,
    ] {
        is_caught(500, sabotage, steps(), |steps| check(&steps, SMALL, sabotage));
    }
}
