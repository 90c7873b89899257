//! Retention: a message is gone once it is older than the queue keeps messages, wherever it is.
//!
//! Logs are cleaned from their old ends, those of message groups when they are near the head of the line. An entry that
//! came to a log late (a delay, a return to the back), or whose group is not near, expires when it is its turn, or when
//! a receive meets it; until then it is counted, but never delivered.

use crate::fair::{Mark, mark_of};
use crate::group::Group;
use crate::partition::{Output, Partition};
use crate::{Change, GroupId, History, LogEntry, TouchedRow};

/// Received messages among which the oldest one of a quiet group is looked for.
const QUIET_SEARCH_ROWS_MAX: usize = 1_000;

impl Partition {
    /// Whether a message is older than the queue keeps messages.
    pub(crate) fn is_expired(&self, history: History, now_ms: u64) -> bool {
        self.expiry_ms(history) <= now_ms
    }

    /// Removes what has expired.
    pub(crate) fn expire(&mut self, now_ms: u64, out: &mut Output) {
        while self.rows_left > 0
            && let Some((sequence, row)) = self.state.touched.first_key_value()
            && self.is_expired(row.history, now_ms)
        {
            let (sequence, group) = (*sequence, row.group);
            self.rows_left -= 1;
            self.commit(Change::Untouched(sequence), now_ms, out);
            self.commit(Change::Erased(sequence), now_ms, out);
            self.line_up(now_ms, group, out);
        }
        while self.rows_left > 0
            && let Some((group, entry)) = self.oldest_log_entry()
            && self.is_expired(entry.history, now_ms)
        {
            self.rows_left -= 1;
            self.unlog(now_ms, group, entry, out);
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

    /// The same without the messages of noisy groups.
    pub(crate) fn oldest_sent_at_ms_in_quiet_groups(&self) -> Option<u64> {
        let is_quiet =
            |group: &Group| group.row.ready.is_none_or(|place| mark_of(place) == Mark::Quiet);
        let is_quiet_row =
            |row: &TouchedRow| self.state.groups.get(&row.group).is_none_or(is_quiet);
        let mut touched = self.state.touched.iter().take(QUIET_SEARCH_ROWS_MAX);
        let touched = touched.find(|(_, row)| is_quiet_row(row)).map(|(_, row)| row.history);
        let logged = self.oldest_head(is_quiet).map(|(_, entry)| entry.history);
        touched.into_iter().chain(logged).map(|history| history.enqueued_at_ms).min()
    }

    /// The oldest of the messages at the heads of the logs of the groups ahead.
    fn oldest_log_entry(&self) -> Option<(GroupId, LogEntry)> {
        self.oldest_head(|_| true)
    }

    fn oldest_head(&self, is_meant: impl Fn(&Group) -> bool) -> Option<(GroupId, LogEntry)> {
        let heads = self.groups_ahead().filter_map(|id| {
            let group = self.state.groups.get(&id).filter(|group| is_meant(group))?;
            group.window.front().map(|entry| (id, *entry))
        });
        heads.min_by_key(|(_, entry)| entry.history.enqueued_at_ms)
    }

    fn expiry_ms(&self, history: History) -> u64 {
        history.enqueued_at_ms + self.config.retention_ms
    }
}
