//! Receives that wait for a message. They are woken by events, never by polling.

use std::collections::{BTreeMap, BTreeSet};

use crate::partition::{Output, Partition};
use crate::state::Order;
use crate::{Reply, RequestId};

/// A receive whose wait is over is answered this much later at most, though there may be messages that could not be looked
/// at yet, behind dead letters or on disk; the rest of the way to them is cleared without it.
const PATIENCE_MS: u64 = 100;

/// A waiting receive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waiter {
    pub(crate) request: RequestId,
    pub(crate) count_max: usize,
    pub(crate) visibility_ms: u64,
    pub(crate) attempt: Option<u128>,
    pub(crate) deadline_ms: u64,
    pub(crate) kind: PollKind,
}

/// Short and long polls differ in their answer when too many messages are in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PollKind {
    Short,
    Long,
}

/// Waiting receives, first come first served. None of the ways out of it looks at the others.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    /// By number of arrival.
    queue: BTreeMap<u64, Waiter>,
    arrivals: BTreeMap<RequestId, u64>,
    deadlines: BTreeSet<(u64, u64)>,
    arrivals_count: u64,
}

impl Waiters {
    pub(crate) fn add(&mut self, waiter: Waiter) {
        let arrival = self.arrivals_count;
        self.arrivals_count += 1;
        self.arrivals.insert(waiter.request, arrival);
        self.deadlines.insert((waiter.deadline_ms, arrival));
        self.queue.insert(arrival, waiter);
    }

    pub(crate) fn cancel(&mut self, request: RequestId) {
        if let Some(arrival) = self.arrivals.get(&request) {
            self.remove(*arrival);
        }
    }

    /// Lets every wait end now.
    pub(crate) fn stop(&mut self) {
        self.deadlines.clear();
        for (arrival, waiter) in &mut self.queue {
            waiter.deadline_ms = 0;
            self.deadlines.insert((0, *arrival));
        }
    }

    pub(crate) fn next_deadline_ms(&self) -> Option<u64> {
        self.deadlines.first().map(|(at_ms, _)| *at_ms)
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    fn first(&self) -> Option<(u64, Waiter)> {
        self.queue.first_key_value().map(|(arrival, waiter)| (*arrival, *waiter))
    }

    fn remove(&mut self, arrival: u64) -> Option<Waiter> {
        let waiter = self.queue.remove(&arrival)?;
        self.arrivals.remove(&waiter.request);
        self.deadlines.remove(&(waiter.deadline_ms, arrival));
        Some(waiter)
    }

    /// Removes a receive whose wait has ended.
    fn take_overdue(&mut self, now_ms: u64) -> Option<Waiter> {
        let (deadline_ms, arrival) = self.deadlines.first().copied()?;
        if deadline_ms > now_ms { None } else { self.remove(arrival) }
    }
}

impl Partition {
    /// Gives messages to the waiting receives in their order, then ends the waits that are over.
    pub(crate) fn serve_waiters(&mut self, now_ms: u64, out: &mut Output) {
        if self.waiters.len() == 0 {
            return;
        }
        while let Some((arrival, waiter)) = self.waiters.first() {
            // Another one with the same name may have been served since this one came.
            let repeated = waiter
                .attempt
                .and_then(|name| self.repeat_attempt(now_ms, name, waiter.visibility_ms, out));
            if let Some(reply) = repeated {
                self.waiters.remove(arrival);
                out.replies.push((waiter.request, reply));
                continue;
            }
            let deliveries = self.take(now_ms, waiter.count_max, waiter.visibility_ms, out);
            if deliveries.is_empty() {
                break;
            }
            self.waiters.remove(arrival);
            if let Some(name) = waiter.attempt {
                self.remember_attempt(now_ms, name, waiter.visibility_ms, &deliveries);
            }
            out.replies.push((waiter.request, Reply::Received(deliveries)));
        }
        self.is_held_up = self.departures_left == 0 && self.waiters.len() > 0;
        // An empty answer would be false while rows that were asked for are still to come.
        let is_starved = self.is_starved();
        let patience_ms = if is_starved { PATIENCE_MS } else { 0 };
        while let Some(waiter) = self.waiters.take_overdue(now_ms.saturating_sub(patience_ms)) {
            self.is_held_up |= is_starved;
            let reply = match waiter.kind {
                // A FIFO queue does not refuse (contract §4.12).
                PollKind::Short if self.is_full() && self.state.order == Order::Standard => {
                    Reply::OverLimit
                }
                PollKind::Short | PollKind::Long => Reply::Received(Vec::new()),
            };
            out.replies.push((waiter.request, reply));
        }
    }

    /// Whether there may be messages that could not be looked at yet: on disk, behind many dead letters, or not yet taken
    /// out of where they were hidden.
    fn is_starved(&self) -> bool {
        self.is_behind || (!self.is_full() && (self.is_held_up || self.wants().is_some()))
    }

    /// Whether as many messages are in flight as the queue allows.
    pub(crate) fn is_full(&self) -> bool {
        self.state.deadlines.len() >= self.config.in_flight_max
    }
}
