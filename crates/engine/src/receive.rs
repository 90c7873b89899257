//! Taking messages: for a receive, or to send them to another queue.

use std::ops::Bound;

use crate::group::Next;
use crate::partition::{Output, Partition};
use crate::{
    Change, Delivery, Departure, Destination, GroupId, History, Policy, Sequence, TouchedRow,
};

/// Why messages are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Purpose {
    /// For a receive.
    #[default]
    Give,
    /// To send them to another queue.
    Move(Destination),
    /// To have dead letters and expired messages out of the way, up to the first other one.
    Clear,
}

/// A receive as it is being filled.
#[derive(Default)]
pub(crate) struct Filling {
    pub(crate) now_ms: u64,
    /// Messages still to be taken.
    count_left: usize,
    visibility_ms: u64,
    purpose: Purpose,
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
        let count_left = count_max;
        let mut filling = Filling { now_ms, count_left, visibility_ms, ..Filling::default() };
        self.fill(&mut filling, out);
        for (sequence, row) in filling.again {
            self.commit(Change::Touched(sequence, row), now_ms, out);
            self.settle(now_ms, sequence, row, out);
        }
        filling.deliveries
    }

    /// Sends up to `count_max` visible messages to another queue and returns how many.
    pub(crate) fn depart(
        &mut self,
        now_ms: u64,
        count_max: usize,
        to: Destination,
        out: &mut Output,
    ) -> usize {
        let (count_left, purpose) = (count_max, Purpose::Move(to));
        let mut filling = Filling { now_ms, count_left, purpose, ..Filling::default() };
        self.fill(&mut filling, out);
        count_max - filling.count_left
    }

    /// Removes what stands before the first message that can be received, so that the next receive finds that at once.
    pub(crate) fn clear_way(&mut self, now_ms: u64, out: &mut Output) {
        let purpose = Purpose::Clear;
        let mut filling = Filling { now_ms, count_left: 1, purpose, ..Filling::default() };
        self.fill(&mut filling, out);
        self.is_held_up = self.departures_left == 0 || self.wants().is_some();
    }

    fn fill(&mut self, filling: &mut Filling, out: &mut Output) {
        match self.config.policy {
            Policy::Standard { .. } => self.take_fairly(filling, out),
            Policy::Fifo { .. } => self.take_in_line(filling, out),
        }
    }

    /// Whether one more message is to be taken.
    pub(crate) fn has_room(&self, filling: &Filling) -> bool {
        let may_take = match filling.purpose {
            Purpose::Give => !self.is_full(),
            Purpose::Move(_) | Purpose::Clear => true,
        };
        filling.count_left > 0 && self.departures_left > 0 && may_take
    }

    /// FIFO: as many messages of the first group in line as can be had, then of the next.
    fn take_in_line(&mut self, filling: &mut Filling, out: &mut Output) {
        let mut after = Sequence::ZERO;
        while self.has_room(filling) {
            let range = (Bound::Excluded(after), Bound::Unbounded);
            let Some((place, id)) = self.state.ready.first.range(range).next() else { break };
            let id = *id;
            after = *place;
            // What was in flight before this receive locks the messages after it; what this receive takes does not.
            let lock =
                self.state.groups.get(&id).and_then(|group| group.in_flight.first().copied());
            let mut has_given = false;
            while self.has_room(filling) {
                let head =
                    self.state.groups.get(&id).and_then(|group| group.window.front().copied());
                let is_free = |position| lock.is_none_or(|lock| position < lock);
                let Some(head) = head.filter(|head| is_free(head.position)) else { break };
                if self.ends_at(filling, Next::Head(head)) {
                    break;
                }
                self.take_one(filling, id, Next::Head(head), out);
                has_given = true;
            }
            if has_given {
                self.rotate(filling.now_ms, id, out);
            }
        }
    }

    /// Takes one message out of where it waits and hides it, sends it away, or removes it if it has expired.
    pub(crate) fn take_one(
        &mut self,
        filling: &mut Filling,
        group: GroupId,
        next: Next,
        out: &mut Output,
    ) {
        let now_ms = filling.now_ms;
        let (sequence, history) = self.claim(now_ms, group, next, out);
        let is_expired = self.is_expired(history, now_ms);
        let to = match filling.purpose {
            Purpose::Move(to) => Some(to),
            Purpose::Give | Purpose::Clear => self.dead_letter_queue(history),
        };
        if let Next::Returned(_) = next
            && (is_expired || to.is_some())
        {
            self.commit(Change::Untouched(sequence), now_ms, out);
        }
        if is_expired {
            self.departures_left -= 1;
            self.commit(Change::Erased(sequence), now_ms, out);
            return;
        }
        if let Some(to) = to {
            match filling.purpose {
                Purpose::Move(_) => filling.count_left -= 1,
                Purpose::Give | Purpose::Clear => self.departures_left -= 1,
            }
            self.send_away(now_ms, Departure { sequence, group, history, to }, out);
            return;
        }
        filling.count_left -= 1;
        let history = history.received_at(now_ms);
        let visible_at_ms = now_ms + filling.visibility_ms;
        let row = TouchedRow { group, history, visible_at_ms };
        filling.deliveries.push(Delivery {
            sequence,
            receive_count: history.receive_count,
            first_received_at_ms: history.first_received_at_ms,
            received_at_ms: now_ms,
        });
        if filling.visibility_ms == 0 {
            filling.again.push((sequence, row));
        } else {
            self.commit(Change::Touched(sequence, row), now_ms, out);
        }
    }

    /// Whether the way is clear: the next message is neither dead nor expired. Then nothing more is taken.
    pub(crate) fn ends_at(&self, filling: &mut Filling, next: Next) -> bool {
        let history = match next {
            Next::Returned(sequence) => self.state.find(sequence).map(|row| row.history),
            Next::Head(entry) => Some(entry.history),
        };
        let goes = history.is_some_and(|history| {
            self.is_expired(history, filling.now_ms) || self.dead_letter_queue(history).is_some()
        });
        let is_end = filling.purpose == Purpose::Clear && !goes;
        if is_end {
            filling.count_left = 0;
        }
        is_end
    }

    /// Takes a message out of where it waits and returns what it went through.
    fn claim(
        &mut self,
        now_ms: u64,
        group: GroupId,
        next: Next,
        out: &mut Output,
    ) -> (Sequence, History) {
        match next {
            Next::Returned(sequence) => {
                let row = self.state.find(sequence);
                self.state.unreturn(group, sequence);
                let history = row.map(|row| row.history);
                (sequence, history.unwrap_or(History::sent_at(sequence.at_ms())))
            }
            Next::Head(entry) => {
                self.unlog(now_ms, group, entry, out);
                (entry.sequence, entry.history)
            }
        }
    }
}
