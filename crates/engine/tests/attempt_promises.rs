//! Receives with a name (`ReceiveRequestAttemptId`, contract §5.6) among deletes, changes, timeouts, purges and restarts,
//! against a plain model; and deliberately broken engines that the model must catch.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a failed test is meant to panic")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use sluice_engine::{
    Command, DeleteOutcome, Delivery, GroupId, Handle, Limits, NewMessage, Policy, QueueConfig,
    Reply, SendOutcome, Sequence, VisibilityOutcome,
};

mod support;
use support::properties::{cases, is_caught, is_kept};
use support::{Harness, Sabotage};

const NAME_LIVES_MS: u64 = 300_000;
const RETENTION_MS: u64 = 600_000;
/// So low that repetitions reach it.
const VISIBILITY_MAX_MS: u64 = 40_000;
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

#[derive(Debug, Clone)]
enum Step {
    Send(Vec<u128>),
    Receive { count_max: usize, hidden_ms: u64, attempt: Option<u128> },
    Delete { handle: usize },
    Hide { handle: usize, hidden_ms: u64 },
    Wait { time_ms: u64 },
    Purge,
    Restart { is_crash: bool },
    Close,
}

fn step() -> impl Strategy<Value = Step> {
    let attempt = prop::option::weighted(0.8, 1_u128..5);
    prop_oneof![
        4 => prop::collection::vec(1_u128..5, 1..4).prop_map(Step::Send),
        9 => (1_usize..5, prop_oneof![1 => Just(0), 8 => 1_u64..20_000], attempt).prop_map(
            |(count_max, hidden_ms, attempt)| Step::Receive { count_max, hidden_ms, attempt }
        ),
        1 => any::<usize>().prop_map(|handle| Step::Delete { handle }),
        1 => (any::<usize>(), prop_oneof![Just(0), 1_u64..20_000])
            .prop_map(|(handle, hidden_ms)| Step::Hide { handle, hidden_ms }),
        5 => prop_oneof![9 => 0_u64..5_000, 1 => 100_000_u64..300_001]
            .prop_map(|time_ms| Step::Wait { time_ms }),
        1 => prop::bool::weighted(0.2).prop_map(|is_purge| match is_purge {
            true => Step::Purge,
            false => Step::Wait { time_ms: 1 },
        }),
        1 => any::<bool>().prop_map(|is_crash| Step::Restart { is_crash }),
        2 => Just(Step::Close),
    ]
}

#[derive(Debug, Clone)]
struct Known {
    group: u128,
    hidden_until_ms: u64,
    receive_count: u32,
}

/// What a named receive gave out.
#[derive(Debug, Clone)]
struct Attempt {
    deliveries: Vec<Delivery>,
    hidden_until_ms: u64,
    begun_at_ms: u64,
}

struct Model {
    harness: Harness,
    messages: BTreeMap<Sequence, Known>,
    attempts: BTreeMap<u128, Attempt>,
    handles: Vec<Handle>,
}

impl Model {
    fn now_ms(&self) -> u64 {
        self.harness.now_ms
    }

    fn is_expired(&self, sequence: Sequence) -> bool {
        sequence.at_ms() + RETENTION_MS <= self.now_ms()
    }

    fn deliverable(&self) -> BTreeMap<u128, Vec<Sequence>> {
        let (mut locked, mut found) = (Vec::new(), BTreeMap::<u128, Vec<Sequence>>::new());
        for (sequence, known) in &self.messages {
            if locked.contains(&known.group) || self.is_expired(*sequence) {
                continue;
            }
            if known.hidden_until_ms > self.now_ms() {
                locked.push(known.group);
            } else {
                found.entry(known.group).or_default().push(*sequence);
            }
        }
        found
    }

    /// Whether every message of a receive is hidden by it still, until the time that it said.
    fn can_repeat(&self, attempt: &Attempt) -> bool {
        attempt.hidden_until_ms > self.now_ms()
            && attempt.deliveries.iter().all(|delivery| {
                self.messages.get(&delivery.sequence).is_some_and(|known| {
                    known.hidden_until_ms == attempt.hidden_until_ms
                        && known.receive_count == delivery.receive_count
                        && !self.is_expired(delivery.sequence)
                })
            })
    }

    fn run(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Send(groups) => self.send(groups),
            Step::Receive { count_max, hidden_ms, attempt } => {
                self.receive(*count_max, *hidden_ms, *attempt)
            }
            Step::Delete { handle } => self.delete(*handle),
            Step::Hide { handle, hidden_ms } => self.hide(*handle, *hidden_ms),
            Step::Wait { time_ms } => {
                self.harness.advance_to(self.now_ms() + time_ms);
                Ok(())
            }
            Step::Purge => {
                self.harness.call(Command::Purge);
                self.messages.clear();
                self.attempts.clear();
                Ok(())
            }
            // Nobody may be able to tell.
            Step::Close => {
                self.harness.close();
                Ok(())
            }
            Step::Restart { is_crash } => {
                match is_crash {
                    true => self.harness.crash(),
                    false => self.harness.restart(),
                }
                self.attempts.clear();
                Ok(())
            }
        }
    }

    fn send(&mut self, groups: &[u128]) -> Result<(), String> {
        let new =
            |group: &u128| NewMessage { group: GroupId(*group), delay_ms: 0, deduplication: None };
        let Reply::Sent(sent) = self.harness.call(Command::Send(groups.iter().map(new).collect()))
        else {
            return Err("no answer".to_owned());
        };
        for (outcome, group) in sent.into_iter().zip(groups) {
            let SendOutcome::Accepted(sequence) = outcome else {
                return Err("a repetition".to_owned());
            };
            let known = Known { group: *group, hidden_until_ms: 0, receive_count: 0 };
            self.messages.insert(sequence, known);
        }
        Ok(())
    }

    fn receive(
        &mut self,
        count_max: usize,
        hidden_ms: u64,
        name: Option<u128>,
    ) -> Result<(), String> {
        self.harness.advance_to(self.now_ms());
        let now_ms = self.now_ms();
        self.attempts.retain(|_, attempt| attempt.begun_at_ms + NAME_LIVES_MS > now_ms);
        let command =
            Command::Receive { count_max, wait_ms: 0, visibility_ms: hidden_ms, attempt: name };
        let reply = self.harness.call(command);
        let Some(attempt) = name.and_then(|name| self.attempts.get(&name)).cloned() else {
            return self.receive_new(count_max, hidden_ms, name, reply);
        };
        if !self.can_repeat(&attempt) {
            return match reply {
                Reply::AttemptOver => Ok(()),
                other => Err(format!("{other:?}, but the attempt cannot be repeated")),
            };
        }
        if reply != Reply::Received(attempt.deliveries.clone()) {
            return Err(format!("{reply:?} instead of {:?}", attempt.deliveries));
        }
        let ends_ms = attempt.deliveries.iter().map(|it| it.received_at_ms + VISIBILITY_MAX_MS);
        let hidden_until_ms = ends_ms.chain([now_ms + hidden_ms]).min().unwrap();
        for delivery in &attempt.deliveries {
            let known = self.messages.get_mut(&delivery.sequence).ok_or("it is gone")?;
            known.hidden_until_ms = hidden_until_ms;
        }
        self.attempts.insert(name.unwrap_or_default(), Attempt { hidden_until_ms, ..attempt });
        Ok(())
    }

    fn receive_new(
        &mut self,
        count_max: usize,
        hidden_ms: u64,
        name: Option<u128>,
        reply: Reply,
    ) -> Result<(), String> {
        let now_ms = self.now_ms();
        let Reply::Received(deliveries) = reply else {
            return Err(format!("unexpected {reply:?}"));
        };
        let mut deliverable = self.deliverable();
        let expected = deliverable.values().map(Vec::len).sum::<usize>().min(count_max);
        let has_expired = self.messages.keys().any(|sequence| self.is_expired(*sequence));
        let found = deliveries.len();
        if found > expected || (found == 0) != (expected == 0) || !has_expired && found < expected {
            return Err(format!("{expected} messages expected, {found} received"));
        }
        for delivery in &deliveries {
            let known = self.messages.get_mut(&delivery.sequence).ok_or("an unknown message")?;
            let of_group = deliverable.get_mut(&known.group).ok_or("a locked group was served")?;
            if of_group.is_empty() || of_group.remove(0) != delivery.sequence {
                return Err(format!("{delivery:?} is out of order"));
            }
            known.receive_count += 1;
            known.hidden_until_ms = now_ms + hidden_ms;
            if delivery.receive_count != known.receive_count {
                return Err(format!("{delivery:?} instead of {known:?}"));
            }
            self.handles.push(Handle {
                sequence: delivery.sequence,
                receive_count: delivery.receive_count,
                received_at_ms: delivery.received_at_ms,
            });
        }
        if let Some(name) = name.filter(|_| found > 0) {
            let hidden_until_ms = now_ms + hidden_ms;
            let attempt = Attempt { deliveries, hidden_until_ms, begun_at_ms: now_ms };
            self.attempts.insert(name, attempt);
        }
        Ok(())
    }

    /// A handle, with whether it holds its message; absent if that is gone.
    fn pick(&self, index: usize) -> Option<(Handle, Option<bool>)> {
        let handle = self.handles[index.checked_rem(self.handles.len())?];
        let known = self.messages.get(&handle.sequence);
        let known = known.filter(|_| !self.is_expired(handle.sequence));
        let holds = known.map(|known| {
            known.hidden_until_ms > self.now_ms() && known.receive_count == handle.receive_count
        });
        Some((handle, holds))
    }

    fn delete(&mut self, index: usize) -> Result<(), String> {
        let Some((handle, holds)) = self.pick(index) else { return Ok(()) };
        let Reply::Deleted(found) = self.harness.call(Command::Delete(vec![handle])) else {
            return Err("no answer".to_owned());
        };
        if (found[0] == DeleteOutcome::Deleted) != (holds == Some(true)) {
            return Err(format!("{found:?}, and the handle holds its message: {holds:?}"));
        }
        if holds == Some(true) {
            self.messages.remove(&handle.sequence);
        }
        Ok(())
    }

    fn hide(&mut self, index: usize, hidden_ms: u64) -> Result<(), String> {
        let Some((handle, holds)) = self.pick(index) else { return Ok(()) };
        let until_ms = self.now_ms() + hidden_ms;
        let is_expected =
            holds == Some(true) && until_ms - handle.received_at_ms <= VISIBILITY_MAX_MS;
        let command = Command::ChangeVisibility(vec![(handle, hidden_ms)]);
        let Reply::VisibilityChanged(found) = self.harness.call(command) else {
            return Err("no answer".to_owned());
        };
        if (found[0] == VisibilityOutcome::Changed) != is_expected {
            return Err(format!("{found:?}, and a change was expected: {is_expected}"));
        }
        if is_expected && let Some(known) = self.messages.get_mut(&handle.sequence) {
            known.hidden_until_ms = until_ms;
        }
        Ok(())
    }
}

fn check(steps: &[Step], sabotage: Sabotage) -> Result<(), String> {
    let config = QueueConfig {
        retention_ms: RETENTION_MS,
        in_flight_max: 1_000,
        visibility_max_ms: VISIBILITY_MAX_MS,
        dead_letters: None,
        policy: Policy::Fifo { delay_ms: 0 },
    };
    let mut model = Model {
        harness: Harness::new(config, LIMITS, sabotage),
        messages: BTreeMap::new(),
        attempts: BTreeMap::new(),
        handles: Vec::new(),
    };
    for step in steps {
        model.run(step).map_err(|why| format!("{step:?}: {why}"))?;
    }
    Ok(())
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..80)
}

#[test]
fn a_named_receive_can_be_repeated_as_promised() {
    is_kept(cases(2_000), steps(), |steps| check(&steps, Sabotage::Nothing));
}

#[test]
fn a_broken_repetition_is_caught() {
    for sabotage in [
        Sabotage::ForgetAttempts,
        Sabotage::IgnoreVisibility,
        Sabotage::ForgetTouched,
        Sabotage::CloseBusy,
    ] {
        is_caught(200, sabotage, steps(), |steps| check(&steps, sabotage));
    }
}
