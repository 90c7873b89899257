//! The partition's memory of its rows, and the one function that changes it.

use std::collections::{BTreeMap, BTreeSet};

use crate::group::{Group, More};
use crate::{
    Change, DueKey, GroupId, GroupRow, Limits, PartitionRow, Sequence, Stored, TouchedRow,
};

/// Rows in memory, with the indexes derived from them.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) limits: Limits,
    pub(crate) row: PartitionRow,
    pub(crate) groups: BTreeMap<GroupId, Group>,
    /// Messages in flight and returned, by sequence.
    pub(crate) touched: BTreeMap<Sequence, TouchedRow>,
    /// Messages in flight, by the end of their visibility timeout.
    pub(crate) deadlines: BTreeSet<(u64, Sequence)>,
    /// The delayed messages that are due first.
    pub(crate) due: BTreeMap<DueKey, GroupId>,
    /// Whether later due rows are on disk only.
    pub(crate) due_more: More,
    /// Touched rows that were read for the command at hand, or went back to the log during it.
    recalled: BTreeMap<Sequence, TouchedRow>,
    /// Sum of the groups' returned messages.
    pub(crate) returned_count: usize,
    /// Sum of the groups' log rows.
    pub(crate) log_count: u64,
    dirty_groups: BTreeSet<GroupId>,
    dirty: Dirty,
}

/// Whether the partition row has to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dirty {
    Yes,
    No,
}

impl State {
    pub(crate) fn open(stored: Stored, limits: Limits, now_ms: u64) -> Self {
        let due_more = if stored.partition.due_count == 0 { More::None } else { More::OnDisk };
        let mut state = Self {
            limits,
            row: stored.partition,
            groups: BTreeMap::new(),
            touched: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            due: BTreeMap::new(),
            due_more,
            recalled: BTreeMap::new(),
            returned_count: 0,
            log_count: 0,
            dirty_groups: BTreeSet::new(),
            dirty: Dirty::No,
        };
        for (id, row) in stored.groups {
            state.log_count += row.log_count;
            state.groups.insert(id, Group::open(row));
        }
        for (sequence, row) in stored.touched {
            state.remember(sequence, row, now_ms);
        }
        state
    }

    /// Applies one change. The only place where the memory of rows changes.
    pub(crate) fn apply(&mut self, change: Change, now_ms: u64) {
        self.dirty = Dirty::Yes;
        match change {
            Change::Logged(group, entry) => {
                self.row.last_sequence = self.row.last_sequence.max(entry.position);
                self.log_count += 1;
                let window_max = self.limits.window_max;
                self.dirty_group(group).append(entry, window_max);
            }
            Change::Unlogged(group, position) => {
                self.log_count -= 1;
                self.dirty_group(group).remove(position);
            }
            Change::Scheduled(group, key) => self.schedule(group, key),
            Change::Unscheduled(key) => {
                self.row.due_count -= 1;
                self.row.due_cursor = key;
                self.due.remove(&key);
                if self.row.due_count == 0 {
                    self.due_more = More::None;
                }
            }
            Change::Touched(sequence, row) => {
                self.forget(sequence);
                match row.position {
                    // The command at hand may name it: memory knew the message when its handles were looked up.
                    Some(_) => self.recall(sequence, row),
                    None => self.remember(sequence, row, now_ms),
                }
            }
            Change::Erased(sequence) => self.forget(sequence),
            Change::Purged(watermark) => self.purge(watermark),
        }
    }

    /// State of a received message, in memory or recalled.
    pub(crate) fn find(&self, sequence: Sequence) -> Option<TouchedRow> {
        self.touched.get(&sequence).or_else(|| self.recalled.get(&sequence)).copied()
    }

    /// Lends the row of a message in the log for one command.
    pub(crate) fn recall(&mut self, sequence: Sequence, row: TouchedRow) {
        self.recalled.insert(sequence, row);
    }

    /// Ends the loan of [`Self::recall`].
    pub(crate) fn end_recall(&mut self) {
        self.recalled.clear();
    }

    /// Moves a message whose visibility timeout ended to the returned messages of its group.
    pub(crate) fn surface(&mut self, visible_at_ms: u64, sequence: Sequence) {
        self.deadlines.remove(&(visible_at_ms, sequence));
        if let Some(row) = self.touched.get(&sequence) {
            self.groups.entry(row.group).or_default().returned.insert(sequence);
            self.returned_count += 1;
        }
    }

    /// Takes a message out of the returned messages of its group, to be received again or erased.
    pub(crate) fn unreturn(&mut self, group: GroupId, sequence: Sequence) {
        if let Some(group) = self.groups.get_mut(&group)
            && group.returned.remove(&sequence)
        {
            self.returned_count -= 1;
        }
    }

    /// Takes due rows that were read after [`Self::due_loaded_to`].
    pub(crate) fn supply_due(&mut self, rows: Vec<(GroupId, DueKey)>, more: More) {
        self.due.extend(rows.into_iter().map(|(group, key)| (key, group)));
        self.due_more = more;
    }

    /// Key after which the due index has to be read on.
    pub(crate) fn due_loaded_to(&self) -> DueKey {
        self.due.last_key_value().map_or(self.row.due_cursor, |(key, _)| *key)
    }

    /// Hands out the rows that changed since the last call.
    pub(crate) fn take_dirty(&mut self) -> (Option<PartitionRow>, Vec<(GroupId, GroupRow)>) {
        let groups = std::mem::take(&mut self.dirty_groups)
            .into_iter()
            .filter_map(|id| self.groups.get(&id).map(|group| (id, group.row)))
            .collect();
        let first_touched = self.touched.first_key_value().map(|(sequence, _)| *sequence);
        self.row.touched_cursor = first_touched.unwrap_or(Sequence::MAX);
        let row = match std::mem::replace(&mut self.dirty, Dirty::No) {
            Dirty::Yes => Some(self.row),
            Dirty::No => None,
        };
        (row, groups)
    }

    fn dirty_group(&mut self, id: GroupId) -> &mut Group {
        self.dirty_groups.insert(id);
        self.groups.entry(id).or_default()
    }

    fn schedule(&mut self, group: GroupId, key: DueKey) {
        self.row.last_sequence = self.row.last_sequence.max(key.sequence);
        self.row.due_count += 1;
        // Only a clock that went back can put a message before the cursor.
        if key <= self.row.due_cursor {
            self.row.due_cursor = DueKey { due_ms: key.due_ms, sequence: Sequence::ZERO };
        }
        let is_loaded_range = match self.due_more {
            More::None => true,
            More::OnDisk => self.due.last_key_value().is_some_and(|(last, _)| key < *last),
        };
        if is_loaded_range {
            self.due.insert(key, group);
            if self.due.len() > self.limits.due_max {
                self.due.pop_last();
                self.due_more = More::OnDisk;
            }
        }
    }

    fn remember(&mut self, sequence: Sequence, row: TouchedRow, now_ms: u64) {
        self.touched.insert(sequence, row);
        if row.visible_at_ms > now_ms {
            self.deadlines.insert((row.visible_at_ms, sequence));
        } else {
            self.groups.entry(row.group).or_default().returned.insert(sequence);
            self.returned_count += 1;
        }
    }

    fn forget(&mut self, sequence: Sequence) {
        self.recalled.remove(&sequence);
        if let Some(row) = self.touched.remove(&sequence)
            && !self.deadlines.remove(&(row.visible_at_ms, sequence))
        {
            self.unreturn(row.group, sequence);
        }
    }

    fn purge(&mut self, watermark: Sequence) {
        self.touched.clear();
        self.recalled.clear();
        self.deadlines.clear();
        self.due.clear();
        self.due_more = More::None;
        self.returned_count = 0;
        self.log_count = 0;
        self.row.last_sequence = self.row.last_sequence.max(watermark);
        self.row.due_count = 0;
        for (id, group) in &mut self.groups {
            *group = Group::open(GroupRow { cursor: watermark, log_count: 0 });
            self.dirty_groups.insert(*id);
        }
    }
}
