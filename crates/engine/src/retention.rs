//! Retention: a message is gone once it is older than the queue keeps messages, wherever it is.
//!
//! The log is cleaned from its old end. An entry that came to the log late (a delay, a return to the back) expires when
//! it reaches the end, or when a receive meets it; until then it is counted, but never delivered.

use crate::partition::{Output, Partition};
use crate::{Change, Sequence};

impl Partition {
    /// Whether a message is older than the queue keeps messages.
    pub(crate) fn is_expired(&self, sequence: Sequence, now_ms: u64) -> bool {
        self.expiry_ms(sequence) <= now_ms
    }

    /// Removes what has expired.
    pub(crate) fn expire(&mut self, now_ms: u64, rows_left: &mut usize, out: &mut Output) {
        while *rows_left > 0
            && let Some((sequence, _)) = self.state.touched.first_key_value()
            && self.is_expired(*sequence, now_ms)
        {
            *rows_left -= 1;
            self.commit(Change::Erased(*sequence), now_ms, out);
        }
        while *rows_left > 0
            && let Some((group, entry)) = self.oldest_log_entry()
            && self.is_expired(entry.sequence, now_ms)
        {
            *rows_left -= 1;
            self.commit(Change::Unlogged(group, entry.position), now_ms, out);
            self.commit(Change::Erased(entry.sequence), now_ms, out);
        }
    }

    /// When the next message expires, as far as memory knows.
    pub(crate) fn next_expiry_ms(&self) -> Option<u64> {
        let touched = self.state.touched.first_key_value().map(|(sequence, _)| *sequence);
        let logged = self.oldest_log_entry().map(|(_, entry)| entry.sequence);
        [touched, logged].into_iter().flatten().map(|sequence| self.expiry_ms(sequence)).min()
    }

    /// When the oldest message that memory knows was sent.
    pub(crate) fn oldest_sent_at_ms(&self) -> Option<u64> {
        let touched = self.state.touched.first_key_value().map(|(sequence, _)| *sequence);
        let logged = self.oldest_log_entry().map(|(_, entry)| entry.sequence);
        [touched, logged].into_iter().flatten().min().map(Sequence::at_ms)
    }

    fn oldest_log_entry(&self) -> Option<(crate::GroupId, crate::LogEntry)> {
        self.state
            .groups
            .iter()
            .filter_map(|(id, group)| group.window.front().map(|entry| (*id, *entry)))
            .min_by_key(|(_, entry)| entry.position)
    }

    fn expiry_ms(&self, sequence: Sequence) -> u64 {
        sequence.at_ms() + self.config.retention_ms
    }
}
