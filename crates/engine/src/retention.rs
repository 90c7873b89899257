//! Retention: a message is gone once it is older than the queue keeps messages, wherever it is.
//!
//! The log is cleaned from its old end, on a FIFO queue that of the group first in line. An entry that came to the log
//! late (a delay, a return to the back), or that others are before in line, expires when it is its turn, or when a
//! receive meets it; until then it is counted, but never delivered.

use crate::partition::{Output, Partition};
use crate::{Change, GroupId, History, LogEntry};

impl Partition {
    /// Whether a message is older than the queue keeps messages.
    pub(crate) fn is_expired(&self, history: History, now_ms: u64) -> bool {
        self.expiry_ms(history) <= now_ms
    }

    /// Removes what has expired.
    pub(crate) fn expire(&mut self, now_ms: u64, rows_left: &mut usize, out: &mut Output) {
        while *rows_left > 0
            && let Some((sequence, row)) = self.state.touched.first_key_value()
            && self.is_expired(row.history, now_ms)
        {
            let (sequence, group) = (*sequence, row.group);
            *rows_left -= 1;
            self.commit(Change::Erased(sequence), now_ms, out);
            self.line_up(now_ms, group, out);
        }
        while *rows_left > 0
            && let Some((group, entry)) = self.oldest_log_entry()
            && self.is_expired(entry.history, now_ms)
        {
            *rows_left -= 1;
            self.commit(Change::Unlogged(group, entry.position), now_ms, out);
            self.commit(Change::Erased(entry.sequence), now_ms, out);
            self.line_up(now_ms, group, out);
        }
    }

    /// When the next message expires, as far as memory knows.
    pub(crate) fn next_expiry_ms(&self) -> Option<u64> {
        self.oldest_known().map(|history| self.expiry_ms(history)).min()
    }

    /// When the oldest message that memory knows was sent.
    pub(crate) fn oldest_sent_at_ms(&self) -> Option<u64> {
        self.oldest_known().map(|history| history.enqueued_at_ms).min()
    }

    fn oldest_known(&self) -> impl Iterator<Item = History> + use<> {
        let touched = self.state.touched.first_key_value().map(|(_, row)| row.history);
        let logged = self.oldest_log_entry().map(|(_, entry)| entry.history);
        touched.into_iter().chain(logged)
    }

    /// The head of the log; on a FIFO queue that of the first group in line.
    fn oldest_log_entry(&self) -> Option<(GroupId, LogEntry)> {
        let id = self.groups_ahead().next()?;
        let group = self.state.groups.get(&id)?;
        group.window.front().map(|entry| (id, *entry))
    }

    fn expiry_ms(&self, history: History) -> u64 {
        history.enqueued_at_ms + self.config.retention_ms
    }
}
