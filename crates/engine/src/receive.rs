//! Taking messages for a receive.

use std::ops::Bound;

use crate::group::Next;
use crate::partition::{Output, Partition};
use crate::{Change, Delivery, GroupId, Policy, Sequence, TouchedRow};

/// A receive as it is being filled.
struct Filling {
    now_ms: u64,
    count_max: usize,
    visibility_ms: u64,
    deliveries: Vec<Delivery>,
    /// With a visibility timeout of zero a message is visible again at once; it still comes once per receive.
    again: Vec<(Sequence, TouchedRow)>,
}

impl Partition {
    /// Takes up to `count_max` visible messages and hides them for `visibility_ms`.
    pub(crate) fn take(
        &mut self,
        now_ms: u64,
        count_max: usize,
        visibility_ms: u64,
        out: &mut Output,
    ) -> Vec<Delivery> {
        let (deliveries, again) = (Vec::new(), Vec::new());
        let mut filling = Filling { now_ms, count_max, visibility_ms, deliveries, again };
        match self.config.policy {
            Policy::Standard { .. } => self.take_oldest(&mut filling, out),
            Policy::Fifo { .. } => self.take_in_line(&mut filling, out),
        }
        for (sequence, row) in filling.again {
            self.commit(Change::Touched(sequence, row), now_ms, out);
            self.settle(now_ms, sequence, row, out);
        }
        filling.deliveries
    }

    /// Standard: the oldest visible message, one after the other.
    fn take_oldest(&mut self, filling: &mut Filling, out: &mut Output) {
        while filling.deliveries.len() < filling.count_max && !self.is_full() {
            let group = self.state.groups.get(&GroupId::NONE);
            let Some(next) = group.and_then(|group| group.next()) else { break };
            self.take_one(filling, GroupId::NONE, next, out);
        }
    }

    /// FIFO: as many messages of the first group in line as can be had, then of the next.
    fn take_in_line(&mut self, filling: &mut Filling, out: &mut Output) {
        let mut after = Sequence::ZERO;
        while filling.deliveries.len() < filling.count_max && !self.is_full() {
            let range = (Bound::Excluded(after), Bound::Unbounded);
            let Some((place, id)) = self.state.ready.first.range(range).next() else { break };
            let id = *id;
            after = *place;
            // What was in flight before this receive locks the messages after it; what this receive takes does not.
            let lock =
                self.state.groups.get(&id).and_then(|group| group.in_flight.first().copied());
            let mut has_given = false;
            while filling.deliveries.len() < filling.count_max && !self.is_full() {
                let head =
                    self.state.groups.get(&id).and_then(|group| group.window.front().copied());
                let is_free = |position| lock.is_none_or(|lock| position < lock);
                let Some(head) = head.filter(|head| is_free(head.position)) else { break };
                self.take_one(filling, id, Next::Head(head), out);
                has_given = true;
            }
            if has_given {
                self.rotate(filling.now_ms, id, out);
            }
        }
    }

    /// Takes one message out of where it waits and hides it, or removes it if it has expired.
    fn take_one(&mut self, filling: &mut Filling, group: GroupId, next: Next, out: &mut Output) {
        let now_ms = filling.now_ms;
        let (sequence, before) = self.claim(now_ms, group, next, out);
        if self.is_expired(sequence, now_ms) {
            self.commit(Change::Erased(sequence), now_ms, out);
            return;
        }
        let row = TouchedRow {
            group,
            receive_count: before.map_or(0, |row| row.receive_count) + 1,
            first_received_at_ms: before.map_or(now_ms, |row| row.first_received_at_ms),
            visible_at_ms: now_ms + filling.visibility_ms,
            position: None,
        };
        filling.deliveries.push(Delivery {
            sequence,
            receive_count: row.receive_count,
            first_received_at_ms: row.first_received_at_ms,
            received_at_ms: now_ms,
        });
        if filling.visibility_ms == 0 {
            filling.again.push((sequence, row));
        } else {
            self.commit(Change::Touched(sequence, row), now_ms, out);
        }
    }

    /// Takes a message out of where it waits and returns its state so far.
    fn claim(
        &mut self,
        now_ms: u64,
        group: GroupId,
        next: Next,
        out: &mut Output,
    ) -> (Sequence, Option<TouchedRow>) {
        match next {
            Next::Returned(sequence) => {
                let row = self.state.find(sequence);
                self.state.unreturn(group, sequence);
                (sequence, row)
            }
            Next::Head(entry) => {
                self.commit(Change::Unlogged(group, entry.position), now_ms, out);
                let row = (entry.receive_count > 0).then_some(TouchedRow {
                    group,
                    receive_count: entry.receive_count,
                    first_received_at_ms: entry.first_received_at_ms,
                    visible_at_ms: 0,
                    position: None,
                });
                (entry.sequence, row)
            }
        }
    }
}
