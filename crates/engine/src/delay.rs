//! Delayed messages: hidden until they are due, then put into the log.

use crate::partition::{Output, Partition};
use crate::state::Order;
use crate::{Change, DueKey, GroupId, LogEntry, NewMessage, Policy, Sequence};

impl Partition {
    /// Brings the partition to `now_ms`, at most so many rows at a time that a command never waits long for it.
    pub(crate) fn mature(&mut self, now_ms: u64, out: &mut Output) {
        self.end_timeouts(now_ms, out);
        self.end_delays(now_ms, out);
        self.is_behind = self.rows_left == 0 && self.has_overdue(now_ms);
        self.expire(now_ms, out);
        self.end_deduplication(now_ms, out);
        self.pardon(now_ms, out);
        self.attempts.forget_old(now_ms);
    }

    /// Where a new message waits in the due index, if it is delayed.
    ///
    /// The delay of a FIFO queue holds for messages already sent, too: they are kept by the time of their send, and as
    /// long as there are any, later ones queue up behind them.
    pub(crate) fn due_key(
        &self,
        now_ms: u64,
        message: NewMessage,
        sequence: Sequence,
    ) -> Option<DueKey> {
        match self.config.policy {
            Policy::Standard { .. } => (message.delay_ms > 0)
                .then(|| DueKey { due_ms: now_ms + message.delay_ms, sequence }),
            Policy::Fifo { delay_ms } => (delay_ms > 0 || self.state.due.row.count > 0)
                .then(|| DueKey { due_ms: sequence.at_ms(), sequence }),
        }
    }

    /// When a delayed message becomes visible.
    pub(crate) fn due_at_ms(&self, key: DueKey) -> u64 {
        match self.config.policy {
            Policy::Standard { .. } => key.due_ms,
            Policy::Fifo { delay_ms } => key.due_ms + delay_ms,
        }
    }

    /// The group of a message that is due, if its row has to be read before the message can join it.
    pub(crate) fn group_to_read(&self) -> Option<GroupId> {
        self.state.awaited.filter(|group| self.may_be_on_disk(*group))
    }

    /// Whether a group that memory does not hold may have a row.
    pub(crate) fn may_be_on_disk(&self, group: GroupId) -> bool {
        self.state.is_unknown_group(group)
    }

    /// Whether a message is hidden only because it was not its turn yet to become visible.
    fn has_overdue(&self, now_ms: u64) -> bool {
        let timeout = self.state.deadlines.first().map(|(at_ms, _)| *at_ms);
        let due = self.state.due.first.first_key_value().map(|(key, _)| self.due_at_ms(*key));
        timeout.into_iter().chain(due).any(|at_ms| at_ms <= now_ms)
    }

    fn end_delays(&mut self, now_ms: u64, out: &mut Output) {
        while self.rows_left > 0
            && let Some((key, group)) = self.state.due.first.first_key_value()
            && self.due_at_ms(*key) <= now_ms
            && !self.may_be_on_disk(*group)
        {
            let (key, group) = (*key, *group);
            self.rows_left -= 1;
            self.commit(Change::Unscheduled(key), now_ms, out);
            let position = match self.state.order {
                Order::Standard => self.state.last_sequence.next(now_ms),
                Order::Fifo => key.sequence,
            };
            let entry = LogEntry::unreceived(key.sequence, position);
            self.commit(Change::Logged(group, entry), now_ms, out);
            self.line_up(now_ms, group, out);
        }
        let next = self.state.due.first.first_key_value();
        self.state.awaited =
            next.filter(|(key, _)| self.due_at_ms(**key) <= now_ms).map(|(_, group)| *group);
    }
}
