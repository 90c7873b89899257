//! A message group: an append-only log on disk, with the part near the read cursor in memory.

use std::collections::{BTreeSet, VecDeque};

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
    /// Messages that were received and are visible again.
    pub(crate) returned: BTreeSet<Sequence>,
}

/// Whether there is more on disk than in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum More {
    /// Memory holds everything.
    #[default]
    None,
    /// Rows follow on disk.
    OnDisk,
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
        Self { row, more, ..Self::default() }
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

    /// Position after which the log has to be read on.
    pub(crate) fn loaded_to(&self) -> Sequence {
        self.window.back().map_or(self.row.cursor, |entry| entry.position)
    }

    /// Applies an append at the end of the log.
    pub(crate) fn append(&mut self, entry: LogEntry, window_max: usize) {
        self.row.log_count += 1;
        match self.more {
            More::None if self.window.len() < window_max => self.window.push_back(entry),
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
        self.window.extend(entries);
        self.more = more;
    }
}
