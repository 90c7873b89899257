//! A message group: an append-only log on disk, with the part near the read cursor in memory.

use std::collections::{BTreeSet, VecDeque};

use crate::index::More;
use crate::shares::{Average, Load};
use crate::{GroupRow, LogEntry, Sequence};

/// One group of a partition.
#[derive(Debug, Default)]
pub(crate) struct Group {
    /// Its row.
    pub(crate) row: GroupRow,
    /// The row as the last commit left it.
    pub(crate) stored: Option<GroupRow>,
    /// The first entries of the log, in order.
    pub(crate) window: VecDeque<LogEntry>,
    /// Whether entries after the window are on disk only.
    pub(crate) more: More,
    /// Memory holds every entry up to this position.
    loaded_to: Sequence,
    /// Without message group: messages that were received and are visible again.
    pub(crate) returned: BTreeSet<Sequence>,
    /// Messages in flight; on a FIFO queue the ones after them wait for them. Not kept for [`crate::GroupId::NONE`].
    pub(crate) in_flight: BTreeSet<Sequence>,
    /// How many these are on average.
    pub(crate) average: Average,
    /// When the last of them was in flight, as far as memory knows, epoch milliseconds.
    pub(crate) idle_since_ms: u64,
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
        Self { row, stored: Some(row), more, loaded_to: row.cursor, ..Self::default() }
    }

    /// A group that has had no entry after `cursor`.
    pub(crate) fn empty(cursor: Sequence) -> Self {
        let row = GroupRow { cursor, ..GroupRow::default() };
        Self { stored: None, ..Self::open(row) }
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

    /// The head of the log.
    pub(crate) fn head(&self) -> Option<Next> {
        self.window.front().copied().map(Next::Head)
    }

    /// Counts a message as in flight.
    pub(crate) fn take_off(&mut self, sequence: Sequence, now_ms: u64) {
        self.average.update(self.in_flight.len(), now_ms);
        self.in_flight.insert(sequence);
    }

    /// Counts a message as in flight no longer.
    pub(crate) fn land(&mut self, sequence: Sequence, now_ms: u64) {
        self.average.update(self.in_flight.len(), now_ms);
        self.in_flight.remove(&sequence);
        self.idle_since_ms = now_ms;
    }

    /// What the group takes of the consumers.
    pub(crate) fn load(&self, now_ms: u64) -> Load {
        let in_flight = self.in_flight.len();
        Load { in_flight, average: self.average.at(in_flight, now_ms) }
    }

    /// FIFO: whether the head of the log waits for no message in flight; unknown while the head is not in memory.
    pub(crate) fn is_unlocked(&self) -> Option<bool> {
        match (self.in_flight.first(), self.window.front()) {
            _ if self.row.log_count == 0 => Some(false),
            (None, _) => Some(true),
            (Some(first), Some(head)) => Some(head.position < *first),
            (Some(first), None) if self.more == More::OnDisk => {
                (self.row.cursor >= *first).then_some(false)
            }
            // The row counts entries that are not there: a damaged store, and nothing to wait for.
            (Some(_), None) => Some(false),
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

    /// Applies a put: usually at the end of the log, or where a message was before it was received. At the end it stays in
    /// memory if the window has fewer than `room` entries.
    pub(crate) fn insert(&mut self, entry: LogEntry, room: usize, window_max: usize) {
        self.row.log_count += 1;
        if entry.position <= self.row.cursor {
            self.row.cursor = Sequence(entry.position.0 - 1);
        }
        if entry.position <= self.loaded_to {
            let index = self.window.partition_point(|before| before.position < entry.position);
            self.window.insert(index, entry);
            self.trim(window_max);
            return;
        }
        match self.more {
            More::None if self.window.len() < room => {
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
                let head = self.window.front();
                self.row.cursor = head.map_or(self.loaded_to, |head| Sequence(head.position.0 - 1));
            }
        }
        if self.row.log_count == 0 {
            self.window.clear();
            self.more = More::None;
        }
    }

    /// Lets the log leave memory.
    pub(crate) fn unload(&mut self) {
        if self.row.log_count > 0 {
            self.more = More::OnDisk;
        }
        self.window.clear();
        self.loaded_to = self.row.cursor;
    }

    /// Lets the end of a window that grew too long leave memory.
    pub(crate) fn trim(&mut self, window_max: usize) {
        if self.window.len() <= window_max {
            return;
        }
        self.window.truncate(window_max);
        self.more = More::OnDisk;
        self.loaded_to = self.window.back().map_or(self.row.cursor, |entry| entry.position);
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
