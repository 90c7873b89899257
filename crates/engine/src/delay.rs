//! Delayed messages: hidden until they are due, then appended to the log.

use crate::partition::{Output, Partition};
use crate::{Change, LogEntry};

impl Partition {
    /// Brings the partition to `now_ms`, at most so many rows at a time that a command never waits long for it.
    pub(crate) fn mature(&mut self, now_ms: u64, out: &mut Output) {
        let mut rows_left = self.state.limits.tick_rows_max;
        self.end_timeouts(now_ms, &mut rows_left, out);
        self.end_delays(now_ms, &mut rows_left, out);
        self.expire(now_ms, &mut rows_left, out);
    }

    fn end_delays(&mut self, now_ms: u64, rows_left: &mut usize, out: &mut Output) {
        while *rows_left > 0
            && let Some((key, group)) = self.state.due.first_key_value()
            && key.due_ms <= now_ms
        {
            let (key, group) = (*key, *group);
            *rows_left -= 1;
            self.commit(Change::Unscheduled(key), now_ms, out);
            let entry = LogEntry {
                position: self.state.row.last_sequence.next(now_ms),
                sequence: key.sequence,
                receive_count: 0,
                first_received_at_ms: 0,
            };
            self.commit(Change::Logged(group, entry), now_ms, out);
        }
    }
}
