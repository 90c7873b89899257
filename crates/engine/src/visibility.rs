//! Visibility timeouts: hidden until a time, then visible again.

use crate::partition::{Output, Partition};
use crate::state::{Order, Place, Received};
use crate::{Change, GroupId, Handle, LogEntry, Policy, Sequence, TouchedRow, VisibilityOutcome};

impl Partition {
    /// Hides a message for `hidden_ms` from now. On a standard queue also one that is visible again already (contract
    /// §2.12).
    pub(crate) fn change_visibility(
        &mut self,
        now_ms: u64,
        handle: Handle,
        hidden_ms: u64,
        out: &mut Output,
    ) -> VisibilityOutcome {
        let Some(row) = self.state.find(handle.sequence) else { return VisibilityOutcome::Gone };
        if self.is_expired(row.history, now_ms) {
            return VisibilityOutcome::Gone;
        }
        if self.is_handle_over(now_ms, handle, row) {
            return VisibilityOutcome::Expired;
        }
        let total_ms = (now_ms + hidden_ms).saturating_sub(handle.received_at_ms);
        if total_ms > self.config.visibility_max_ms {
            return VisibilityOutcome::BeyondLimit;
        }
        let Received { group, history, place } = row;
        if let Place::Log(entry) = place {
            self.unlog(now_ms, group, entry, out);
            self.line_up(now_ms, group, out);
        }
        let row = TouchedRow { group, history, visible_at_ms: now_ms + hidden_ms };
        self.commit(Change::Touched(handle.sequence, row), now_ms, out);
        if hidden_ms == 0 {
            self.settle(now_ms, handle.sequence, row, out);
        }
        VisibilityOutcome::Changed
    }

    /// Whether a handle has lost its hold on the message: on a FIFO queue with the end of its visibility timeout, on a
    /// standard queue never (contract §4.3).
    pub(crate) fn is_handle_over(&self, now_ms: u64, handle: Handle, row: Received) -> bool {
        match self.config.policy {
            Policy::Standard { .. } => false,
            Policy::Fifo { .. } => {
                let is_hidden = match row.place {
                    Place::Touched { visible_at_ms } => visible_at_ms > now_ms,
                    Place::Log(_) => false,
                };
                !is_hidden || row.history.receive_count != handle.receive_count
            }
        }
    }

    /// Ends the visibility timeouts that are over.
    pub(crate) fn end_timeouts(&mut self, now_ms: u64, out: &mut Output) {
        while self.rows_left > 0
            && let Some((visible_at_ms, sequence)) = self.state.deadlines.first().copied()
            && visible_at_ms <= now_ms
        {
            self.rows_left -= 1;
            self.state.surface(visible_at_ms, sequence, now_ms);
            if let Some(row) = self.state.touched.get(&sequence).copied() {
                self.settle(now_ms, sequence, row, out);
            }
        }
    }

    /// Decides where a message that became visible again waits.
    ///
    /// On a FIFO queue it goes back to its old place, which is near the head of its group's log, as nothing after it
    /// was received since. On a standard queue it goes to the back of the log after repeated receives. Before that a
    /// tenant's goes to the head of the tenant's log, and one without a group waits in memory, unless memory holds
    /// enough of them.
    pub(crate) fn settle(
        &mut self,
        now_ms: u64,
        sequence: Sequence,
        row: TouchedRow,
        out: &mut Output,
    ) {
        let position = match self.config.policy {
            Policy::Fifo { .. } => self.old_place(row.group, sequence),
            Policy::Standard { back_of_queue_receives } => {
                let is_repeated = back_of_queue_receives
                    .is_some_and(|receives| row.history.receives_here() >= receives);
                let is_held = self.state.returned_count <= self.state.limits.returned_max;
                let is_tenant = self.state.stands_in_line(row.group);
                match is_repeated {
                    true => self.state.last_sequence.next(now_ms),
                    false if is_tenant => self.old_place(row.group, sequence),
                    false if is_held => return,
                    false => self.state.last_sequence.next(now_ms),
                }
            }
        };
        self.commit(Change::Untouched(sequence), now_ms, out);
        let entry = LogEntry { position, sequence, history: row.history };
        self.put_back(now_ms, row.group, entry, out);
    }

    /// The position of a message that goes back to the log: its own number on a FIFO queue. On a standard queue it goes
    /// before the head of its log, where the cursor says that nothing is: the cursor must not go back over rows that it
    /// has passed, and no scan has to pass what was deleted in between.
    pub(crate) fn old_place(&self, group: GroupId, sequence: Sequence) -> Sequence {
        let is_standard = self.state.order == Order::Standard;
        let group = self.state.groups.get(&group).filter(|_| is_standard);
        group.map_or(sequence, |group| group.row.cursor)
    }

    /// Puts a message that was received, or was to leave, into the log again.
    pub(crate) fn put_back(
        &mut self,
        now_ms: u64,
        group: GroupId,
        entry: LogEntry,
        out: &mut Output,
    ) {
        self.commit(Change::Logged(group, entry), now_ms, out);
        self.line_up(now_ms, group, out);
    }
}
