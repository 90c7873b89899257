//! A message group: an append-only log on disk, with the part near the read cursor in memory.

use std::collections::{BTreeSet, VecDeque};

use crate::index::More;
use crate::{GroupRow, LogEntry, Sequence};

/// One group of a partition.
#[derive(Debug, Default)]
pub(crate) struct Group {
    /// Its row.
    pub(crate) row: GroupRow,
    /// The first entries of the log, in order.
    pub(crate) window: VecDeque<LogEntry>,
    /// Whether entries after the window are on disk only.
    pub(crate) more: More,
    /// Memory holds every entry up to this position.
    loaded_to: Sequence,
    /// Standard: messages that were received and are visible again.
    pub(crate) returned: BTreeSet<Sequence>,
    /// FIFO: messages in flight, which the ones after them wait for.
    pub(crate) in_flight: BTreeSet<Sequence>,
}

/// Where a group's next message comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// A message that returned.
    Returned(Sequence),
    /// The head of the log.
    Head(LogEntry),
}

impl Group {
    /// Opens a group from its row; its log is read later.
    pub(crate) fn open(row: GroupRow) -> Self {
        let more = if row.log_count == 0 { More::None } else { More::OnDisk };
        Self { row, more, loaded_to: row.cursor, ..Self::default() }
    }

    /// A group that has had no entry after `cursor`.
    pub(crate) fn empty(cursor: Sequence) -> Self {
        Self::open(GroupRow { cursor, ..GroupRow::default() })
    }

    /// The oldest visible message.
    pub(crate) fn next(&self) -> Option<Next> {
        let head = self.window.front();
        match (self.returned.first(), head) {
            (Some(returned), Some(head)) if *returned > head.position => Some(Next::Head(*head)),
            (Some(returned), _) => Some(Next::Returned(*returned)),
            (None, Some(head)) => Some(Next::Head(*head)),
            (None, None) => None,
        }
    }

    /// FIFO: whether the head of the log waits for no message in flight; unknown while the head is not in memory.
    pub(crate) fn is_unlocked(&self) -> Option<bool> {
        match (self.in_flight.first(), self.window.front()) {
            _ if self.row.log_count == 0 => Some(false),
            (None, _) => Some(true),
            (Some(first), Some(head)) => Some(head.position < *first),
            (Some(first), None) => (self.row.cursor >= *first).then_some(false),
        }
    }

    /// Position after which the log has to be read on.
    pub(crate) fn loaded_to(&self) -> Sequence {
        self.loaded_to
    }

    /// Whether the window is to be filled from disk.
    pub(crate) fn is_low(&self, window_low: usize) -> bool {
        self.more == More::OnDisk && self.window.len() < window_low
    }

    /// Applies a put: usually at the end of the log, or where a FIFO message was before it was received.
    pub(crate) fn insert(&mut self, entry: LogEntry, window_max: usize) {
        self.row.log_count += 1;
        if entry.position <= self.row.cursor {
            self.row.cursor = Sequence(entry.position.0 - 1);
        }
        if entry.position <= self.loaded_to {
            let index = self.window.partition_point(|before| before.position < entry.position);
            self.window.insert(index, entry);
            return;
        }
        match self.more {
            More::None if self.window.len() < window_max => {
                self.window.push_back(entry);
                self.loaded_to = entry.position;
            }
            More::None => self.more = More::OnDisk,
            More::OnDisk => {}
        }
    }

    /// Applies the removal of one entry, wherever it is in the log.
    pub(crate) fn remove(&mut self, position: Sequence) {
        self.row.log_count -= 1;
        if let Ok(index) = self.window.binary_search_by_key(&position, |entry| entry.position) {
            self.window.remove(index);
            if index == 0 {
                self.row.cursor = position;
            }
        }
        if self.row.log_count == 0 {
            self.window.clear();
            self.more = More::None;
        }
    }

    /// Takes a page of the log that was read after [`Self::loaded_to`].
    pub(crate) fn supply(&mut self, entries: Vec<LogEntry>, more: More) {
        if let Some(last) = entries.last() {
            self.loaded_to = last.position;
        }
        self.window.extend(entries);
        self.more = more;
    }
}
