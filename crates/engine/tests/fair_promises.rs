//! Random commands, times, restarts and crashes against a plain model of what a fair queue promises, and deliberately
//! broken engines that the model must catch.
//!
//! The model does not repeat how marks are decided. It knows of some tenants that they must be noisy and of some that
//! they cannot be, and checks what follows from that, besides what holds of every queue.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a failed test is meant to panic")]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use sluice_engine::{
    Command, DeleteOutcome, Delivery, GroupId, Handle, Limits, NOISY_PLACES, NewMessage, Policy,
    QueueConfig, Reply, SendOutcome, Sequence, VisibilityOutcome,
};

mod support;
use support::properties::{cases, is_caught, is_kept};
use support::{Harness, Sabotage, checked};

/// Bounds so low that every path through disk is taken.
const LIMITS: Limits = Limits {
    window_max: 6,
    window_low: 4,
    windows_max: 12,
    index_max: 5,
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
}

const FOR_EVER_MS: u64 = 1_000_000_000;
const SMALL: Setup = Setup { limits: LIMITS, in_flight_max: 150, retention_ms: FOR_EVER_MS };

/// Also bounds that let many commands be decided before something is read, and hence committed.
fn setup() -> impl Strategy<Value = Setup> {
    let limits = (4_usize..8, 0_usize..8, 4_usize..14, 4_usize..8, 1_usize..9).prop_map(
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
    let retention_ms = prop_oneof![2 => Just(FOR_EVER_MS), 1 => 5_000_u64..200_000];
    let in_flight_max = prop_oneof![1 => 1_usize..40, 2 => Just(400)];
    (limits, in_flight_max, retention_ms).prop_map(|(limits, in_flight_max, retention_ms)| Setup {
        limits,
        in_flight_max,
        retention_ms,
    })
}

#[derive(Debug, Clone)]
enum Step {
    /// Messages of tenants, zero is none, with their delays.
    Send(Vec<(u128, u64)>),
    Flood {
        tenant: u128,
        messages: usize,
    },
    Receive {
        times: usize,
        count_max: usize,
        hidden_ms: u64,
    },
    Delete {
        handle: usize,
        count: usize,
    },
    Hide {
        handle: usize,
        hidden_ms: u64,
    },
    Wait {
        time_ms: u64,
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
    let delay = prop_oneof![5 => Just(0), 1 => 1_u64..10_000];
    let hidden = prop_oneof![1 => Just(0), 3 => 1_u64..20_000, 4 => Just(600_000)];
    prop_oneof![
        6 => prop::collection::vec((0_u128..12, delay), 1..6).prop_map(Step::Send),
        2 => (1_u128..4, 10_usize..60)
            .prop_map(|(tenant, messages)| Step::Flood { tenant, messages }),
        8 => (1_usize..14, 1_usize..5, hidden).prop_map(|(times, count_max, hidden_ms)| {
            Step::Receive { times, count_max, hidden_ms }
        }),
        4 => (any::<usize>(), 1_usize..20)
            .prop_map(|(handle, count)| Step::Delete { handle, count }),
        3 => (any::<usize>(), prop_oneof![Just(0), 1_u64..20_000, Just(43_200_000)])
            .prop_map(|(handle, hidden_ms)| Step::Hide { handle, hidden_ms }),
        4 => prop_oneof![6 => 0_u64..8_000, 1 => Just(150_000)]
            .prop_map(|time_ms| Step::Wait { time_ms }),
        2 => Just(Step::Count),
        1 => (prop_oneof![Just(0), 1_u64..30_000], any::<bool>())
            .prop_map(|(slept_ms, is_crash)| Step::Restart { slept_ms, is_crash }),
        2 => Just(Step::Close),
        1 => prop::bool::weighted(0.1)
            .prop_map(|is_purge| if is_purge { Step::Purge } else { Step::Count }),
    ]
}

/// What is known of a message that exists.
#[derive(Debug, Clone)]
struct Known {
    tenant: u128,
    visible_at_ms: u64,
    receive_count: u32,
}

/// Messages in flight on average, decaying by half each minute; written down independently of the engine.
#[derive(Debug, Clone, Copy, Default)]
struct Average {
    value: f64,
    at_ms: u64,
}

impl Average {
    fn update(&mut self, in_flight: usize, now_ms: u64) {
        let weight = 0.5_f64.powf((now_ms - self.at_ms) as f64 / 60_000.0);
        self.value = self.value * weight + in_flight as f64 * (1.0 - weight);
        self.at_ms = now_ms;
    }
}

struct Model {
    setup: Setup,
    messages: BTreeMap<Sequence, Known>,
    handles: Vec<Handle>,
    averages: BTreeMap<u128, Average>,
    average: Average,
    /// Tenants that must be noisy.
    noisy: BTreeSet<u128>,
    /// Tenants that may be noisy.
    suspects: BTreeSet<u128>,
}

impl Model {
    fn new(setup: Setup, now_ms: u64) -> Self {
        Self {
            setup,
            messages: BTreeMap::new(),
            handles: Vec::new(),
            averages: BTreeMap::new(),
            average: Average { value: 0.0, at_ms: now_ms },
            noisy: BTreeSet::new(),
            suspects: BTreeSet::new(),
        }
    }

    fn expire(&mut self, now_ms: u64) {
        let retention_ms = self.setup.retention_ms;
        self.messages.retain(|sequence, _| sequence.at_ms() + retention_ms > now_ms);
    }

    fn visible(&self, now_ms: u64) -> impl Iterator<Item = (Sequence, u128)> {
        let visible = self.messages.iter().filter(move |(_, known)| known.visible_at_ms <= now_ms);
        visible.map(|(sequence, known)| (*sequence, known.tenant))
    }

    /// Messages in flight by tenant, those whose timeout ends right now included.
    fn in_flight(&self, before_ms: u64) -> BTreeMap<u128, usize> {
        let mut found = BTreeMap::new();
        for known in self.messages.values() {
            if known.visible_at_ms > before_ms && known.receive_count > 0 {
                *found.entry(known.tenant).or_default() += 1;
            }
        }
        found
    }

    /// Brings the averages to a time until which the same messages were in flight.
    fn update_averages(&mut self, in_flight: &BTreeMap<u128, usize>, now_ms: u64) {
        for tenant in in_flight.keys() {
            self.averages
                .entry(*tenant)
                .or_insert(Average { value: 0.0, at_ms: self.average.at_ms });
        }
        for (tenant, average) in &mut self.averages {
            average.update(in_flight.get(tenant).copied().unwrap_or(0), now_ms);
        }
        self.average.update(in_flight.values().sum(), now_ms);
    }

    /// Whether a noisy tenant may be quiet again, of whose messages so many are in flight, and of all at most `total`.
    fn may_be_pardoned(
        &self,
        tenant: u128,
        in_flight: &BTreeMap<u128, usize>,
        total: usize,
    ) -> bool {
        let own = in_flight.get(&tenant).copied().unwrap_or(0);
        let average = self.averages.get(&tenant).map_or(0.0, |average| average.value);
        own * 20 <= total && average < 0.0501 * self.average.value
    }

    /// Draws conclusions from what was in flight before and after something happened.
    fn conclude(&mut self, before: &BTreeMap<u128, usize>, now_ms: u64) {
        let after = self.in_flight(now_ms);
        let of = |all: &BTreeMap<u128, usize>, tenant| all.get(&tenant).copied().unwrap_or(0);
        let totals = [before, &after].map(|all| all.values().sum::<usize>());
        let (least, most) = (totals[0].min(totals[1]), totals[0].max(totals[1]));
        let waiting: BTreeSet<u128> = self.visible(now_ms).map(|(_, tenant)| tenant).collect();
        for tenant in 1..12 {
            let (was, is) = (of(before, tenant), of(&after, tenant));
            let average = self.averages.get(&tenant).map_or(0.0, |average| average.value);
            let is_loud = was.max(is) >= 30 && was.max(is) * 10 > least;
            if is_loud || average > 0.0999 * self.average.value {
                self.suspects.insert(tenant);
            } else if !waiting.contains(&tenant) {
                self.suspects.remove(&tenant);
            }
            if was.min(is) * 20 <= most || !waiting.contains(&tenant) {
                self.noisy.remove(&tenant);
            }
        }
    }
}

/// Lets time pass for both, from one event to the next.
fn advance(to_ms: u64, harness: &mut Harness, model: &mut Model) {
    let now_ms = harness.now_ms;
    let ends = model.messages.values().map(|known| known.visible_at_ms);
    let mut times: BTreeSet<u64> = ends.filter(|at_ms| (now_ms..to_ms).contains(at_ms)).collect();
    times.insert(to_ms);
    for at_ms in times {
        let before = model.in_flight(at_ms.saturating_sub(1));
        model.update_averages(&before, at_ms);
        harness.advance_to(at_ms);
        model.expire(at_ms);
        model.conclude(&before, at_ms);
    }
}

fn check(steps: &[Step], setup: Setup, sabotage: Sabotage) -> Result<(), String> {
    let config = QueueConfig {
        retention_ms: setup.retention_ms,
        in_flight_max: setup.in_flight_max,
        visibility_max_ms: 43_200_000,
        dead_letters: None,
        policy: Policy::Standard { back_of_queue_receives: Some(3) },
    };
    let mut harness = Harness::new(config, setup.limits, sabotage);
    let mut model = Model::new(setup, harness.now_ms);
    for step in steps {
        run(step, &mut harness, &mut model).map_err(|why| format!("{step:?}: {why}"))?;
    }
    check_rows(&mut harness)?;
    // At the end everything that should still be there comes out.
    advance(harness.now_ms + 43_200_000, &mut harness, &mut model);
    while model.visible(harness.now_ms).next().is_some() {
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
    let tenants = rows.groups.keys().filter(|group| **group != GroupId::NONE).count();
    let left = rows.log.len() + rows.touched.len() + rows.due.len() + rows.ready.len() + tenants;
    let partition = &rows.partition;
    let is_counted = partition.log_count + partition.due.count + partition.ready.count != 0;
    if left + rows.bodies.len() != 0 || is_counted {
        return Err(format!("rows are left: {rows:?}"));
    }
    Ok(())
}

fn run(step: &Step, harness: &mut Harness, model: &mut Model) -> Result<(), String> {
    advance(harness.now_ms, harness, model);
    match step {
        Step::Send(messages) => send(messages, harness, model),
        Step::Flood { tenant, messages } => send(&vec![(*tenant, 0); *messages], harness, model),
        Step::Receive { times, count_max, hidden_ms } => {
            (0..*times).try_for_each(|_| receive(*count_max, *hidden_ms, harness, model))
        }
        Step::Delete { handle, count } => {
            (0..*count).try_for_each(|more| delete(handle.wrapping_add(more), harness, model))
        }
        Step::Hide { handle, hidden_ms } => hide(*handle, *hidden_ms, harness, model),
        Step::Wait { time_ms } => {
            advance(harness.now_ms + time_ms, harness, model);
            Ok(())
        }
        Step::Count => {
            count(harness, model)?;
            check_rows(harness)
        }
        Step::Purge => {
            let before = model.in_flight(harness.now_ms);
            harness.call(Command::Purge);
            model.messages.clear();
            model.averages.clear();
            model.conclude(&before, harness.now_ms);
            Ok(())
        }
        // Nobody may be able to tell, unless it is by averages that were forgotten all the same.
        Step::Close => {
            if harness.can_close() {
                restart(0, false, harness, model);
            }
            Ok(())
        }
        Step::Restart { slept_ms, is_crash } => {
            restart(*slept_ms, *is_crash, harness, model);
            Ok(())
        }
    }
}

/// Messages of each tenant that are in flight by the rows.
fn stored_in_flight(harness: &Harness) -> BTreeMap<u128, usize> {
    let mut found = BTreeMap::new();
    for row in harness.rows.touched.values() {
        *found.entry(row.group.0).or_default() += 1;
    }
    found
}

/// After a restart the averages begin with what was in flight, which the first tick may end.
fn restart(slept_ms: u64, is_crash: bool, harness: &mut Harness, model: &mut Model) {
    // Timeouts that ended and are not committed have not ended.
    let before = if is_crash && harness.loses_pending() {
        stored_in_flight(harness)
    } else {
        model.in_flight(harness.now_ms)
    };
    harness.now_ms += slept_ms;
    if is_crash {
        harness.crash();
    } else {
        harness.restart();
    }
    let now_ms = harness.now_ms;
    let start = |in_flight: usize| Average { value: in_flight as f64, at_ms: now_ms };
    model.averages = before.iter().map(|(tenant, count)| (*tenant, start(*count))).collect();
    let of_tenants: usize =
        before.iter().filter(|(tenant, _)| **tenant != 0).map(|(_, n)| *n).sum();
    let ungrouped = model.in_flight(now_ms).get(&0).copied().unwrap_or(0);
    model.average = start(of_tenants + ungrouped);
    harness.advance_to(now_ms);
    model.expire(now_ms);
    model.conclude(&before, now_ms);
}

fn send(messages: &[(u128, u64)], harness: &mut Harness, model: &mut Model) -> Result<(), String> {
    let new = |(tenant, delay_ms): &(u128, u64)| NewMessage {
        group: GroupId(*tenant),
        delay_ms: *delay_ms,
        deduplication: None,
    };
    let command = Command::Send(messages.iter().map(new).collect());
    let bodies: Vec<String> = messages.iter().map(|_| "body".to_owned()).collect();
    let request = harness.start_with_bodies(command, &bodies);
    let Some(Reply::Sent(sent)) = harness.reply(request) else {
        return Err("no answer".to_owned());
    };
    for (outcome, (tenant, delay_ms)) in sent.iter().zip(messages) {
        let SendOutcome::Accepted(sequence) = outcome else {
            return Err("a repetition".to_owned());
        };
        let visible_at_ms = harness.now_ms + delay_ms;
        let known = Known { tenant: *tenant, visible_at_ms, receive_count: 0 };
        if model.messages.insert(*sequence, known).is_some() {
            return Err(format!("{sequence:?} was given out twice"));
        }
    }
    model.conclude(&model.in_flight(harness.now_ms), harness.now_ms);
    Ok(())
}

/// Tenants that are marked as noisy in the rows.
fn marked(harness: &mut Harness) -> BTreeSet<u128> {
    harness.flush();
    harness.rows.partition.noisy.iter().map(|group| group.0).collect()
}

fn receive(
    count_max: usize,
    hidden_ms: u64,
    harness: &mut Harness,
    model: &mut Model,
) -> Result<(), String> {
    let now_ms = harness.now_ms;
    // Not always: what is decided together is committed together.
    let marked_before = if count_max == 1 { BTreeSet::new() } else { marked(harness) };
    let before = model.in_flight(now_ms);
    let waiting: BTreeMap<Sequence, u128> = model.visible(now_ms).collect();
    let room = model.setup.in_flight_max.saturating_sub(before.values().sum());
    let expected = match hidden_ms {
        0 if room > 0 => waiting.len().min(count_max),
        _ => waiting.len().min(count_max).min(room),
    };
    let has_expired = harness.rows.bodies.len() != model.messages.len();
    let receive =
        Command::Receive { count_max, wait_ms: 0, visibility_ms: hidden_ms, attempt: None };
    let reply = harness.call(receive);
    let deliveries = match reply {
        Reply::Received(deliveries) => deliveries,
        Reply::OverLimit if room == 0 => return Ok(()),
        other => return Err(format!("unexpected {other:?}")),
    };
    // What has expired takes the room of what is read ahead; then a receive gets fewer, but never none.
    let is_as_expected = if has_expired {
        deliveries.len() <= expected && deliveries.is_empty() == (expected == 0)
    } else {
        deliveries.len() == expected
    };
    if !is_as_expected {
        return Err(format!("{expected} messages expected, {} received", deliveries.len()));
    }
    for delivery in &deliveries {
        note_delivery(delivery, hidden_ms, harness, model)?;
    }
    let must_be_noisy = model.noisy.clone();
    model.conclude(&before, now_ms);
    let by_tenant = by_tenant(&deliveries, &waiting);
    let after = model.in_flight(now_ms);
    let total: usize = after.values().sum();
    let still_waiting: BTreeSet<u128> = model.visible(now_ms).map(|(_, tenant)| tenant).collect();
    for tenant in by_tenant.keys().filter(|tenant| **tenant != 0) {
        let in_flight = after.get(tenant).copied().unwrap_or(0);
        if in_flight >= 30 && in_flight * 10 > total && still_waiting.contains(tenant) {
            model.noisy.insert(*tenant);
        } else if hidden_ms == 0 {
            model.noisy.remove(tenant);
        }
    }
    if model.setup.retention_ms < FOR_EVER_MS {
        return Ok(());
    }
    // Those whose shares are small by now lose the mark before anyone is served.
    let is_still_noisy = |tenant: &u128| !model.may_be_pardoned(*tenant, &before, total);
    let marked_before = marked_before.into_iter().filter(is_still_noisy);
    let noisy = marked_before.chain(must_be_noisy).collect();
    check_order(&deliveries, &waiting, &noisy, model)
}

fn by_tenant(deliveries: &[Delivery], waiting: &BTreeMap<Sequence, u128>) -> BTreeMap<u128, usize> {
    let mut found = BTreeMap::new();
    for delivery in deliveries {
        *found.entry(waiting[&delivery.sequence]).or_default() += 1;
    }
    found
}

fn note_delivery(
    delivery: &Delivery,
    hidden_ms: u64,
    harness: &Harness,
    model: &mut Model,
) -> Result<(), String> {
    let now_ms = harness.now_ms;
    let known =
        model.messages.get_mut(&delivery.sequence).ok_or("a message that does not exist")?;
    if known.visible_at_ms > now_ms {
        return Err("a hidden message was received".to_owned());
    }
    known.receive_count += 1;
    known.visible_at_ms = now_ms + hidden_ms;
    model.handles.push(checked(harness, delivery, known.receive_count)?);
    Ok(())
}

/// Quiet tenants come before noisy ones, and take turns.
fn check_order(
    deliveries: &[Delivery],
    waiting: &BTreeMap<Sequence, u128>,
    noisy: &BTreeSet<u128>,
    model: &Model,
) -> Result<(), String> {
    let served = by_tenant(deliveries, waiting);
    let delivered: BTreeSet<Sequence> =
        deliveries.iter().map(|delivery| delivery.sequence).collect();
    let is_quiet = |tenant: u128| !model.suspects.contains(&tenant) && !noisy.contains(&tenant);
    let passed = waiting.iter().filter(|(sequence, _)| !delivered.contains(*sequence));
    let passed: BTreeSet<u128> =
        passed.map(|(_, tenant)| *tenant).filter(|tenant| is_quiet(*tenant)).collect();
    if let Some(tenant) = passed.first()
        && let Some(noisy) = served.keys().find(|tenant| noisy.contains(tenant))
    {
        return Err(format!("tenant {noisy} is noisy and was served before tenant {tenant}"));
    }
    let twice =
        served.iter().find(|(tenant, count)| **tenant != 0 && is_quiet(**tenant) && **count > 1);
    let never = passed.iter().find(|tenant| !served.contains_key(tenant));
    if let (Some((twice, _)), Some(never)) = (twice, never) {
        return Err(format!("tenant {twice} had two turns and tenant {never} none"));
    }
    Ok(())
}

fn delete(index: usize, harness: &mut Harness, model: &mut Model) -> Result<(), String> {
    let Some(index) = index.checked_rem(model.handles.len()) else { return Ok(()) };
    let handle = model.handles[index];
    let before = model.in_flight(harness.now_ms);
    let expected = match model.messages.remove(&handle.sequence) {
        Some(_) => DeleteOutcome::Deleted,
        None => DeleteOutcome::Gone,
    };
    model.conclude(&before, harness.now_ms);
    match harness.call(Command::Delete(vec![handle])) {
        Reply::Deleted(found) if found[0] == expected => Ok(()),
        // What has expired may be there still.
        Reply::Deleted(_) if model.setup.retention_ms < FOR_EVER_MS => Ok(()),
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
    let (handle, now_ms) = (model.handles[index], harness.now_ms);
    let before = model.in_flight(now_ms);
    let known = model.messages.get_mut(&handle.sequence);
    let expected = match known {
        None => VisibilityOutcome::Gone,
        Some(_) if now_ms + hidden_ms - handle.received_at_ms > 43_200_000 => {
            VisibilityOutcome::BeyondLimit
        }
        Some(known) => {
            known.visible_at_ms = now_ms + hidden_ms;
            VisibilityOutcome::Changed
        }
    };
    model.conclude(&before, now_ms);
    match harness.call(Command::ChangeVisibility(vec![(handle, hidden_ms)])) {
        Reply::VisibilityChanged(found) if found[0] == expected => Ok(()),
        other => Err(format!("{expected:?} expected, found {other:?}")),
    }
}

fn count(harness: &mut Harness, model: &Model) -> Result<(), String> {
    let now_ms = harness.now_ms;
    let Reply::Counted(found) = harness.call(Command::Count) else {
        return Err("no counters".to_owned());
    };
    let marked = marked(harness);
    let in_flight = model.in_flight(now_ms);
    let visible = model.visible(now_ms).count() as u64;
    let total = in_flight.values().sum::<usize>();
    let delayed = model.messages.len() as u64 - visible - total as u64;
    let on_disk = harness.rows.bodies.len() as u64;
    let has_expired = on_disk != model.messages.len() as u64;
    let is_quiet = |tenant: &u128| !marked.contains(tenant);
    let quiet_visible = model.visible(now_ms).filter(|(_, tenant)| is_quiet(tenant)).count() as u64;
    let quiet_in_flight: usize =
        in_flight.iter().filter(|(tenant, _)| is_quiet(tenant)).map(|(_, count)| *count).sum();
    let is_exact = found.visible == visible && found.visible_in_quiet_groups == quiet_visible;
    let sum = found.visible + found.in_flight + found.delayed;
    let holds = found.in_flight == total as u64
        && found.in_flight_in_quiet_groups == quiet_in_flight as u64
        && found.noisy_groups == marked.len() as u64
        && (has_expired || (is_exact && found.delayed == delayed))
        && sum == on_disk;
    let quiet = (quiet_visible, quiet_in_flight);
    if !holds {
        return Err(format!(
            "{visible} visible, {total} in flight, {delayed} delayed, in quiet groups {quiet:?}, \
             marked {marked:?}, {on_disk} stored; found {found:?}"
        ));
    }
    let unmarked = model.noisy.iter().find(|tenant| is_quiet(tenant));
    match unmarked.filter(|_| model.setup.retention_ms == FOR_EVER_MS) {
        Some(tenant) => Err(format!("tenant {tenant} is not marked as noisy")),
        None => Ok(()),
    }
}

/// What every commit leaves behind: each group with a log is in line once, and the numbers are right.
fn check_rows(harness: &mut Harness) -> Result<(), String> {
    harness.flush();
    let rows = &harness.rows;
    let mut logs: BTreeMap<GroupId, Vec<Sequence>> = BTreeMap::new();
    for (group, position) in rows.log.keys() {
        logs.entry(*group).or_default().push(*position);
    }
    for (group, row) in &rows.groups {
        let log = logs.remove(group).unwrap_or_default();
        if row.log_count != log.len() as u64 || log.first().is_some_and(|it| *it <= row.cursor) {
            return Err(format!("{group:?} with the log {log:?} has the row {row:?}"));
        }
        let places: Vec<_> =
            rows.ready.iter().filter(|(_, id)| *id == group).map(|(place, _)| *place).collect();
        let is_noisy = rows.partition.noisy.contains(group);
        let is_in_line = match row.ready {
            None => *group == GroupId::NONE,
            Some(place) if is_noisy => places.is_empty() && place >= NOISY_PLACES,
            Some(place) => places == [place] && place < NOISY_PLACES,
        };
        if !is_in_line {
            return Err(format!("{group:?} stands in line at {places:?} and has the row {row:?}"));
        }
    }
    let counted = (rows.partition.log_count, rows.partition.ready.count);
    if !logs.is_empty() || counted != (rows.log.len() as u64, rows.ready.len() as u64) {
        return Err(format!("the numbers {:?} do not fit {rows:?}", rows.partition));
    }
    Ok(())
}

fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..most)
}

fn run_cases(cases: u32, most: usize, setup: impl Strategy<Value = Setup>) {
    is_kept(cases, (setup, steps(most)), |(setup, steps)| check(&steps, setup, Sabotage::Nothing));
}

#[test]
fn a_fair_queue_keeps_its_promises() {
    run_cases(cases(250), 60, Just(SMALL));
}

#[test]
fn a_fair_queue_keeps_its_promises_whatever_its_bounds() {
    run_cases((cases(250) / 4).max(1), 100, setup());
}

#[test]
fn a_broken_fair_queue_is_caught() {
    for sabotage in [
        Sabotage::ForgetErased,
        Sabotage::ForgetTouched,
        Sabotage::ForgetLogged,
        Sabotage::IgnoreVisibility,
        Sabotage::ForgetGroupRows,
        Sabotage::ForgetLine,
        Sabotage::ForgetNoise,
        Sabotage::IgnoreTenants,
    ] {
        is_caught(500, sabotage, steps(60), |steps| check(&steps, SMALL, sabotage));
    }
}
