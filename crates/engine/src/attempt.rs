//! `ReceiveRequestAttemptId`: a receive whose answer was lost can be repeated and gets the same messages (contract §5.6).
//!
//! Attempts are in memory only. After a restart a repetition is a new receive; what the lost answer held comes back when
//! its visibility timeout ends.

use std::collections::BTreeSet;

use foldhash::HashMap;

use crate::partition::{Output, Partition};
use crate::{Change, Delivery, Reply, TouchedRow};

/// How long an attempt can be repeated.
const WINDOW_MS: u64 = 5 * 60 * 1_000;
/// Attempts that a partition remembers; the oldest ones go first.
const ATTEMPTS_MAX: usize = 10_000;

/// What a receive gave out.
#[derive(Debug, Clone)]
struct Attempt {
    deliveries: Vec<Delivery>,
    /// The end of the visibility timeout that it set.
    visible_at_ms: u64,
    /// When it is forgotten.
    forgotten_at_ms: u64,
}

/// The receives of the last minutes that have a name.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    named: HashMap<u128, Attempt>,
    ends: BTreeSet<(u64, u128)>,
}

impl Attempts {
    fn remember(&mut self, name: u128, attempt: Attempt) {
        self.forget(name);
        self.ends.insert((attempt.forgotten_at_ms, name));
        self.named.insert(name, attempt);
        if self.named.len() > ATTEMPTS_MAX
            && let Some((_, oldest)) = self.ends.first().copied()
        {
            self.forget(oldest);
        }
    }

    fn forget(&mut self, name: u128) {
        if let Some(attempt) = self.named.remove(&name) {
            self.ends.remove(&(attempt.forgotten_at_ms, name));
        }
    }

    pub(crate) fn forget_old(&mut self, now_ms: u64) {
        while let Some((at_ms, name)) = self.ends.first().copied()
            && at_ms <= now_ms
        {
            self.forget(name);
        }
    }

    /// When the next one is forgotten, epoch milliseconds.
    pub(crate) fn next_end_ms(&self) -> Option<u64> {
        self.ends.first().map(|(at_ms, _)| *at_ms)
    }

    /// Messages that are remembered, and names of receives that got none.
    pub(crate) fn entries(&self) -> usize {
        self.named.len()
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl Partition {
    /// Remembers what a named receive gave out.
    pub(crate) fn remember_attempt(
        &mut self,
        now_ms: u64,
        name: u128,
        visibility_ms: u64,
        deliveries: &[Delivery],
    ) {
        let attempt = Attempt {
            deliveries: deliveries.to_vec(),
            visible_at_ms: now_ms + visibility_ms,
            forgotten_at_ms: now_ms + WINDOW_MS,
        };
        self.attempts.remember(name, attempt);
    }

    /// The answer to the repetition of a named receive; absent if there was none.
    pub(crate) fn repeat_attempt(
        &mut self,
        now_ms: u64,
        name: u128,
        visibility_ms: u64,
        out: &mut Output,
    ) -> Option<Reply> {
        let attempt = self.attempts.named.get(&name)?.clone();
        let is_as_left = |delivery: &&Delivery| {
            self.state.touched.get(&delivery.sequence).is_some_and(|row| {
                row.history.receive_count == delivery.receive_count
                    && row.visible_at_ms == attempt.visible_at_ms
                    && row.visible_at_ms > now_ms
            })
        };
        if !attempt.deliveries.iter().all(|delivery| is_as_left(&delivery)) {
            return Some(Reply::AttemptOver);
        }
        let mut visible_at_ms = now_ms + visibility_ms;
        for delivery in &attempt.deliveries {
            visible_at_ms =
                visible_at_ms.min(delivery.received_at_ms + self.config.visibility_max_ms);
        }
        for delivery in &attempt.deliveries {
            if let Some(row) = self.state.touched.get(&delivery.sequence).copied() {
                let row = TouchedRow { visible_at_ms, ..row };
                self.commit(Change::Touched(delivery.sequence, row), now_ms, out);
            }
        }
        let deliveries = attempt.deliveries.clone();
        if let Some(remembered) = self.attempts.named.get_mut(&name) {
            remembered.visible_at_ms = visible_at_ms;
        }
        Some(Reply::Received(deliveries))
    }
}
