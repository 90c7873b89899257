//! Receives that wait for a message. They are woken by events, never by polling.

use std::collections::{BTreeSet, VecDeque};

use crate::group::More;
use crate::partition::{Output, Partition};
use crate::{Reply, RequestId};

/// A waiting receive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waiter {
    request: RequestId,
    count_max: usize,
    visibility_ms: u64,
    deadline_ms: u64,
    kind: PollKind,
}

/// Short and long polls differ in their answer when too many messages are in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PollKind {
    Short,
    Long,
}

/// Waiting receives, first come first served.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    queue: VecDeque<Waiter>,
    deadlines: BTreeSet<(u64, RequestId)>,
}

impl Waiters {
    pub(crate) fn add(
        &mut self,
        request: RequestId,
        count_max: usize,
        now_ms: u64,
        wait_ms: u64,
        visibility_ms: u64,
    ) {
        let kind = if wait_ms == 0 { PollKind::Short } else { PollKind::Long };
        let deadline_ms = now_ms + wait_ms;
        self.queue.push_back(Waiter { request, count_max, visibility_ms, deadline_ms, kind });
        self.deadlines.insert((deadline_ms, request));
    }

    pub(crate) fn cancel(&mut self, request: RequestId) {
        self.queue.retain(|waiter| waiter.request != request);
        self.deadlines.retain(|(_, waiting)| *waiting != request);
    }

    /// Lets every wait end now.
    pub(crate) fn stop(&mut self) {
        self.deadlines.clear();
        for waiter in &mut self.queue {
            waiter.deadline_ms = 0;
            self.deadlines.insert((0, waiter.request));
        }
    }

    pub(crate) fn next_deadline_ms(&self) -> Option<u64> {
        self.deadlines.first().map(|(at_ms, _)| *at_ms)
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    fn pop(&mut self) {
        if let Some(waiter) = self.queue.pop_front() {
            self.deadlines.remove(&(waiter.deadline_ms, waiter.request));
        }
    }

    /// Removes the receives whose wait has ended.
    fn take_overdue(&mut self, now_ms: u64) -> Vec<Waiter> {
        if self.next_deadline_ms().is_none_or(|at_ms| at_ms > now_ms) {
            return Vec::new();
        }
        self.deadlines = self.deadlines.split_off(&(now_ms + 1, RequestId(0)));
        let (overdue, waiting) =
            self.queue.drain(..).partition(|waiter| waiter.deadline_ms <= now_ms);
        self.queue = waiting;
        Vec::from(overdue)
    }
}

impl Partition {
    /// Gives messages to the waiting receives in their order, then ends the waits that are over.
    pub(crate) fn serve_waiters(&mut self, now_ms: u64, out: &mut Output) {
        while let Some(waiter) = self.waiters.queue.front().copied() {
            let deliveries = self.take(now_ms, waiter.count_max, waiter.visibility_ms, out);
            if deliveries.is_empty() {
                break;
            }
            self.waiters.pop();
            out.replies.push((waiter.request, Reply::Received(deliveries)));
        }
        // An empty answer would be false while rows that were asked for are still to come.
        if self.is_starved() {
            return;
        }
        for waiter in self.waiters.take_overdue(now_ms) {
            let reply = match waiter.kind {
                PollKind::Short if self.is_full() => Reply::OverLimit,
                PollKind::Short | PollKind::Long => Reply::Received(Vec::new()),
            };
            out.replies.push((waiter.request, reply));
        }
    }

    /// Whether messages may be on disk while memory has none to give.
    fn is_starved(&self) -> bool {
        !self.is_full()
            && self
                .state
                .groups
                .values()
                .any(|group| group.more == More::OnDisk && group.next().is_none())
    }

    /// Whether as many messages are in flight as the queue allows.
    pub(crate) fn is_full(&self) -> bool {
        self.state.deadlines.len() >= self.config.in_flight_max
    }
}
