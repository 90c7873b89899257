//! The partition's memory of its rows, and the one function that changes it.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::{HashMap, HashMapExt};

use crate::deduplication::Duplicates;
use crate::fair::{Mark, mark_of, number_of};
use crate::group::Group;
use crate::index::{Index, More, more_after};
use crate::shares::{Average, Load};
use crate::{
    Change, Departure, DueKey, Found, GroupId, GroupRow, History, Limits, LogEntry, Page,
    PartitionRow, QueueAddress, Sequence, Stored, TouchedRow,
};

/// Tenants whose shares were this small together, in messages in flight on average, need not be remembered.
const CALM_AVERAGE: f64 = 0.01;

/// Whether the messages of a group wait for each other. Fixed when the queue is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// They do not.
    Standard,
    /// They do.
    Fifo,
}

/// A message that was received and not deleted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Received {
    pub(crate) group: GroupId,
    pub(crate) history: History,
    pub(crate) place: Place,
}

/// Where such a message is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place {
    /// In flight, or visible again.
    Touched { visible_at_ms: u64 },
    /// In the log again.
    Log(LogEntry),
}

/// Rows in memory, with the indexes derived from them.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) limits: Limits,
    pub(crate) order: Order,
    pub(crate) last_sequence: Sequence,
    /// Groups with messages in flight, near the head of the line, or named by the commands since the last commit.
    pub(crate) groups: HashMap<GroupId, Group>,
    /// Messages in flight and returned, by sequence.
    pub(crate) touched: BTreeMap<Sequence, TouchedRow>,
    /// Messages in flight, by the end of their visibility timeout.
    pub(crate) deadlines: BTreeSet<(u64, Sequence)>,
    /// Delayed messages.
    pub(crate) due: Index<DueKey, GroupId>,
    /// Groups that can be served, in line, without the noisy ones.
    pub(crate) ready: Index<Sequence, GroupId>,
    /// Standard: the noisy groups by their places, all of them.
    pub(crate) noisy: BTreeMap<Sequence, GroupId>,
    /// FIFO: groups whose place in line depends on the head of a log that is not in memory.
    pub(crate) unjudged: BTreeSet<GroupId>,
    /// The group of the next delayed message if that is due already.
    pub(crate) awaited: Option<GroupId>,
    /// FIFO: the sends that others may repeat.
    pub(crate) duplicates: Duplicates,
    /// Messages on their way to another queue.
    pub(crate) outbox: Index<Sequence, Departure>,
    /// Senders that memory knows since the last commit, with the number of the last message from there.
    arrivals: HashMap<QueueAddress, Sequence>,
    /// Whether groups and keys that memory does not know may have rows on disk that count.
    unknown_on_disk: More,
    /// Log entries that were found for the command at hand, or whose messages went back to the log during it.
    recalled: BTreeMap<Sequence, (GroupId, LogEntry)>,
    /// How many messages are in flight on average.
    average: Average,
    /// Sum of the groups' returned messages.
    pub(crate) returned_count: usize,
    /// Sum of the groups' log rows, in memory or not.
    pub(crate) log_count: u64,
    /// Log rows of messages without group that the cursor has passed and that are still there.
    passed_rows: u64,
    /// Sum of the groups' log entries in memory.
    window_entries: usize,
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
    pub(crate) fn open(stored: Stored, limits: Limits, order: Order, now_ms: u64) -> Self {
        let row = stored.partition;
        let mut state = Self {
            limits,
            order,
            last_sequence: row.last_sequence,
            groups: HashMap::new(),
            touched: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            due: Index::open(row.due, limits.index_max),
            ready: Index::open(row.ready, limits.index_max),
            noisy: BTreeMap::new(),
            unjudged: BTreeSet::new(),
            awaited: None,
            duplicates: Duplicates::open(row.deadlines, row.last_sequence, limits.index_max),
            outbox: Index::open(row.outbox, limits.index_max),
            arrivals: HashMap::new(),
            unknown_on_disk: More::OnDisk,
            recalled: BTreeMap::new(),
            average: Average::default(),
            returned_count: 0,
            log_count: row.log_count,
            passed_rows: row.passed_rows,
            window_entries: 0,
            dirty_groups: BTreeSet::new(),
            dirty: Dirty::No,
        };
        for (id, row) in stored.groups {
            state.groups.insert(id, Group::open(row));
        }
        for (sequence, row) in stored.touched {
            state.remember(sequence, row, now_ms);
        }
        state.open_noisy(row.noisy);
        state.start_averages(now_ms);
        // The server may have ended between the change that freed a group and the read that was to judge it.
        let is_open =
            |group: &Group| group.row.ready.is_none() && state.can_be_served(group).is_none();
        let unjudged = state.groups.iter().filter(|(_, group)| is_open(group)).map(|(id, _)| *id);
        state.unjudged = unjudged.collect();
        state
    }

    /// Applies one change. The only place where the memory of rows changes.
    pub(crate) fn apply(&mut self, change: Change, now_ms: u64) {
        self.dirty = Dirty::Yes;
        match change {
            Change::Logged(group, entry) => {
                self.last_sequence = self.last_sequence.max(entry.position);
                self.log_count += 1;
                let window_max = self.window_max(group);
                let room =
                    if self.window_entries < self.limits.windows_max { window_max } else { 1 };
                self.change_window(group, |group| group.insert(entry, room, window_max));
                // The command at hand may name it: memory knew the message when its handles were looked up.
                if entry.is_returned() {
                    self.recalled.insert(entry.sequence, (group, entry));
                }
            }
            Change::Unlogged(group, entry) => self.unlog(group, entry),
            Change::Passed(entry) => {
                self.passed_rows += 1;
                self.unlog(GroupId::NONE, entry);
            }
            Change::Trimmed(_) => self.passed_rows = 0,
            Change::Scheduled(group, key) => {
                self.last_sequence = self.last_sequence.max(key.sequence);
                let before = DueKey { due_ms: key.due_ms, sequence: Sequence::ZERO };
                self.due.insert(key, group, before);
            }
            Change::Unscheduled(key) => self.due.remove(key),
            Change::LinedUp(group, place) => self.enter_line(group, place),
            Change::LeftLine(group, place) => self.leave_line(group, place),
            Change::Touched(sequence, row) => {
                self.forget(sequence, now_ms);
                self.remember(sequence, row, now_ms);
            }
            Change::Untouched(sequence) => self.forget(sequence, now_ms),
            Change::Erased(_) => {}
            Change::Departed(number, departure) => {
                self.last_sequence = self.last_sequence.max(number);
                self.outbox.insert(number, departure, Sequence(number.0 - 1));
            }
            Change::Returned(number) | Change::Delivered(number, _) => self.outbox.remove(number),
            Change::Arrived(from, number) => {
                self.arrivals.insert(from, number);
            }
            Change::Remembered(key, row) => self.duplicates.remember(key, row),
            Change::Forgotten(deadline) => self.duplicates.forget(deadline),
            Change::Purged(watermark) => self.purge(watermark, now_ms),
        }
    }

    fn unlog(&mut self, group: GroupId, entry: LogEntry) {
        self.log_count -= 1;
        self.change_window(group, |group| group.remove(entry.position));
        self.recalled.remove(&entry.sequence);
    }

    /// Whether a log entry is removed by the cursor that passes it. Where messages stand in line, some come back before the
    /// cursor, and would bring those back that are gone.
    pub(crate) fn is_passed(&self, id: GroupId, entry: LogEntry) -> bool {
        let group = self.groups.get(&id).filter(|_| !self.stands_in_line(id));
        let head = group.and_then(|group| group.window.front());
        head.is_some_and(|head| head.position == entry.position)
    }

    /// Up to where the log of the messages without group has to be trimmed, once the cursor has passed many rows: more
    /// than there are after it, so that the dead are never the larger part.
    pub(crate) fn trim_due(&self) -> Option<Sequence> {
        let group = self.groups.get(&GroupId::NONE)?;
        let is_due = self.passed_rows >= self.limits.passed_min.max(group.row.log_count);
        is_due.then_some(group.row.cursor)
    }

    fn enter_line(&mut self, group: GroupId, place: Sequence) {
        self.last_sequence = self.last_sequence.max(number_of(place));
        self.dirty_group(group).row.ready = Some(place);
        match mark_of(place) {
            Mark::Quiet => {
                if self.order == Order::Standard {
                    let window_max = self.limits.window_low;
                    self.change_window(group, |group| group.trim(window_max));
                }
                let left = self.ready.insert(place, group, Sequence(place.0 - 1));
                self.drop_idle(left);
            }
            Mark::Noisy => {
                self.noisy.insert(place, group);
            }
        }
    }

    fn leave_line(&mut self, group: GroupId, place: Sequence) {
        match mark_of(place) {
            Mark::Quiet => self.ready.remove(place),
            Mark::Noisy => {
                self.noisy.remove(&place);
            }
        }
        self.dirty_group(group).row.ready = None;
    }

    /// State of a received message, in memory or recalled.
    pub(crate) fn find(&self, sequence: Sequence) -> Option<Received> {
        let touched = self.touched.get(&sequence).map(|row| Received {
            group: row.group,
            history: row.history,
            place: Place::Touched { visible_at_ms: row.visible_at_ms },
        });
        touched.or_else(|| {
            let (group, entry) = *self.recalled.get(&sequence)?;
            Some(Received { group, history: entry.history, place: Place::Log(entry) })
        })
    }

    /// Whether a deduplication key has to be looked up on disk.
    pub(crate) fn is_unknown_duplicate(&self, key: u128) -> bool {
        self.unknown_on_disk == More::OnDisk && self.duplicates.may_be_on_disk(key)
    }

    /// The number of the last message that arrived from a sender, as far as the command at hand may know.
    pub(crate) fn last_arrival(&self, from: QueueAddress) -> Option<Sequence> {
        self.arrivals.get(&from).copied()
    }

    /// Whether a group is served by its place in line.
    pub(crate) fn stands_in_line(&self, id: GroupId) -> bool {
        self.order == Order::Fifo || id != GroupId::NONE
    }

    /// Whether a group has a message to receive; unknown while the head of a FIFO group's log is not in memory.
    pub(crate) fn can_be_served(&self, group: &Group) -> Option<bool> {
        match self.order {
            Order::Standard => Some(group.row.log_count > 0),
            Order::Fifo => group.is_unlocked(),
        }
    }

    /// What all messages together take of the consumers.
    pub(crate) fn load(&self, now_ms: u64) -> Load {
        let in_flight = self.deadlines.len();
        Load { in_flight, average: self.average.at(in_flight, now_ms) }
    }

    /// Whether a group has to be looked up on disk. One with messages is in line or has some in flight; memory holds
    /// the latter ones, the ones at the head of the line, and the ones that changed since the last commit.
    pub(crate) fn is_unknown_group(&self, id: GroupId) -> bool {
        self.stands_in_line(id)
            && self.unknown_on_disk == More::OnDisk
            && self.ready.more == More::OnDisk
            && !self.groups.contains_key(&id)
    }

    /// Lends a row to the command at hand.
    pub(crate) fn lend(&mut self, found: Found) {
        match found {
            Found::Returned(group, entry) => {
                self.recalled.insert(entry.sequence, (group, entry));
            }
            Found::Group(id, row) => {
                self.groups.entry(id).or_insert_with(|| Group::open(row));
                // It leaves memory again with the next commit, unless there is a reason to keep it.
                self.dirty_groups.insert(id);
            }
            Found::Duplicate(key, row) => self.duplicates.lend(key, row),
            Found::Arrivals(from, number) => {
                self.arrivals.entry(from).or_insert(number);
            }
        }
    }

    /// Ends the loan of log entries.
    pub(crate) fn end_command(&mut self) {
        self.recalled.clear();
    }

    /// Moves a message whose visibility timeout ended to the returned messages of its group.
    pub(crate) fn surface(&mut self, visible_at_ms: u64, sequence: Sequence, now_ms: u64) {
        self.land(visible_at_ms, sequence, now_ms);
        if let Some(row) = self.touched.get(&sequence) {
            let group = self.groups.entry(row.group).or_default();
            group.returned.insert(sequence);
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

    /// Takes a page of rows.
    pub(crate) fn supply(&mut self, page: Page) {
        match page {
            Page::Log(id, entries) => {
                let more = more_after(entries.len(), self.page_rows(id));
                if let Some(group) = self.groups.get_mut(&id) {
                    self.window_entries += entries.len();
                    group.supply(entries, more);
                }
            }
            Page::Due(rows) => {
                self.due.supply(rows.into_iter().map(|(group, key)| (key, group)).collect());
            }
            Page::Ready(rows) => {
                for (_, id, row) in &rows {
                    self.groups.entry(*id).or_insert_with(|| Group::open(*row));
                }
                self.ready.supply(rows.into_iter().map(|(place, id, _)| (place, id)).collect());
            }
            Page::Group(id, row) => {
                let empty = Group::empty(self.last_sequence);
                self.groups.entry(id).or_insert_with(|| row.map_or(empty, Group::open));
                self.dirty_groups.insert(id);
            }
            Page::Deadlines(rows) => {
                self.duplicates.deadlines.supply(rows.into_iter().map(|key| (key, ())).collect());
            }
            Page::Outbox(rows) => self.outbox.supply(rows),
        }
    }

    /// Log entries of a group to read at once.
    pub(crate) fn page_rows(&self, group: GroupId) -> usize {
        match self.order {
            Order::Standard => self.window_max(group),
            Order::Fifo => self.limits.window_low,
        }
    }

    /// Log entries of a group that are in memory without being asked for. Of quiet tenants a few have to do, as many of
    /// them may be near the head of the line.
    fn window_max(&self, group: GroupId) -> usize {
        let row = self.groups.get(&group).map(|group| group.row);
        let mark = row.and_then(|row| row.ready).map_or(Mark::Quiet, mark_of);
        match (self.order, mark) {
            (Order::Standard, Mark::Quiet) if group != GroupId::NONE => self.limits.window_low,
            (Order::Standard, Mark::Quiet | Mark::Noisy) | (Order::Fifo, _) => {
                self.limits.window_max
            }
        }
    }

    /// Changes the log of a group.
    fn change_window(&mut self, id: GroupId, change: impl FnOnce(&mut Group)) {
        let group = self.dirty_group(id);
        let before = group.window.len();
        change(group);
        let after = group.window.len();
        self.window_entries = self.window_entries - before + after;
    }

    /// Entries in memory.
    pub(crate) fn entries(&self) -> usize {
        self.window_entries
            + self.groups.len()
            + self.touched.len()
            + self.due.first.len()
            + self.ready.first.len()
            + self.outbox.first.len()
            + self.duplicates.entries()
    }

    /// Whether no group has log entries on disk only.
    pub(crate) fn is_log_in_memory(&self) -> bool {
        self.log_count == self.window_entries as u64
    }

    /// Whether there is nothing that a purge could remove.
    pub(crate) fn is_empty(&self) -> bool {
        let deadlines = &self.duplicates.deadlines;
        let counts = [self.due.row.count, deadlines.row.count, self.outbox.row.count];
        self.log_count == 0 && self.touched.is_empty() && counts == [0; 3]
    }

    /// Whether no tenant has taken anything of the consumers for so long that its share matters.
    pub(crate) fn is_calm(&self, now_ms: u64) -> bool {
        let has_tenants = self.order == Order::Standard && self.groups.len() > 1;
        !has_tenants || (self.noisy.is_empty() && self.load(now_ms).average < CALM_AVERAGE)
    }

    /// Hands out the rows that changed since the last call, for one commit. A group without row has none any more.
    pub(crate) fn take_dirty(
        &mut self,
    ) -> (Option<PartitionRow>, Vec<(GroupId, Option<GroupRow>)>) {
        debug_assert_eq!(
            self.window_entries,
            self.groups.values().map(|group| group.window.len()).sum::<usize>()
        );
        let mut groups = Vec::new();
        for id in std::mem::take(&mut self.dirty_groups) {
            let stands_in_line = self.stands_in_line(id);
            let Some(group) = self.groups.get_mut(&id) else { continue };
            let is_gone = stands_in_line && group.row.log_count == 0;
            let row = (!is_gone).then_some(group.row);
            if std::mem::replace(&mut group.stored, row) != row {
                groups.push((id, row));
            }
            self.drop_idle(Some(id));
        }
        self.duplicates.end_commit();
        self.arrivals.clear();
        self.unknown_on_disk = More::OnDisk;
        let row = match std::mem::replace(&mut self.dirty, Dirty::No) {
            Dirty::Yes => Some(self.row()),
            Dirty::No => None,
        };
        (row, groups)
    }

    fn row(&self) -> PartitionRow {
        let first_touched = self.touched.first_key_value().map(|(sequence, _)| *sequence);
        PartitionRow {
            last_sequence: self.last_sequence,
            log_count: self.log_count,
            passed_rows: self.passed_rows,
            due: self.due.row,
            ready: self.ready.row,
            deadlines: self.duplicates.deadlines.row,
            outbox: self.outbox.row,
            noisy: self.noisy.values().copied().collect(),
            touched_cursor: first_touched.unwrap_or(Sequence::MAX),
        }
    }

    /// Lets a message group leave memory that has no messages in flight and no place near the head of the line. Of a
    /// tenant that has messages in flight only the log leaves.
    fn drop_idle(&mut self, id: Option<GroupId>) {
        let Some(id) = id.filter(|id| self.stands_in_line(*id)) else { return };
        let Some(group) = self.groups.get_mut(&id) else { return };
        let is_near = group.row.ready.is_some_and(|place| match mark_of(place) {
            Mark::Quiet => self.ready.first.contains_key(&place),
            Mark::Noisy => true,
        });
        if is_near || self.dirty_groups.contains(&id) {
            return;
        }
        if group.in_flight.is_empty() {
            self.window_entries -= group.window.len();
            self.groups.remove(&id);
        } else if self.order == Order::Standard {
            self.window_entries -= group.window.len();
            group.unload();
        }
    }

    fn dirty_group(&mut self, id: GroupId) -> &mut Group {
        self.dirty_groups.insert(id);
        let cursor = self.last_sequence;
        self.groups.entry(id).or_insert_with(|| Group::empty(Sequence(cursor.0.saturating_sub(1))))
    }

    fn remember(&mut self, sequence: Sequence, row: TouchedRow, now_ms: u64) {
        self.touched.insert(sequence, row);
        // A group without row has no log: whatever was in it came before now.
        let now = self.last_sequence;
        let is_in_line = self.stands_in_line(row.group);
        let group = self.groups.entry(row.group).or_insert_with(|| Group::empty(now));
        if is_in_line {
            group.take_off(sequence, now_ms);
        }
        // In line also when its timeout is over: then the next tick puts it back into the log, which keeps the order.
        if is_in_line || row.visible_at_ms > now_ms {
            self.average.update(self.deadlines.len(), now_ms);
            self.deadlines.insert((row.visible_at_ms, sequence));
        } else {
            group.returned.insert(sequence);
            self.returned_count += 1;
        }
    }

    fn forget(&mut self, sequence: Sequence, now_ms: u64) {
        let Some(row) = self.touched.get(&sequence) else { return };
        let (visible_at_ms, group) = (row.visible_at_ms, row.group);
        if self.deadlines.contains(&(visible_at_ms, sequence)) {
            self.land(visible_at_ms, sequence, now_ms);
        } else {
            self.unreturn(group, sequence);
        }
        self.touched.remove(&sequence);
    }

    /// Counts a message as in flight no longer.
    fn land(&mut self, visible_at_ms: u64, sequence: Sequence, now_ms: u64) {
        self.average.update(self.deadlines.len(), now_ms);
        self.deadlines.remove(&(visible_at_ms, sequence));
        let Some(id) = self.touched.get(&sequence).map(|row| row.group) else { return };
        if self.stands_in_line(id)
            && let Some(group) = self.groups.get_mut(&id)
        {
            group.land(sequence, now_ms);
            self.dirty_groups.insert(id);
        }
    }

    fn open_noisy(&mut self, noisy: Vec<GroupId>) {
        for id in noisy {
            if let Some(place) = self.groups.get(&id).and_then(|group| group.row.ready) {
                self.noisy.insert(place, id);
            }
        }
    }

    /// Noisy groups have been idle since now, as far as is known.
    fn start_averages(&mut self, now_ms: u64) {
        self.average = Average::start(self.deadlines.len(), now_ms);
        for group in self.groups.values_mut() {
            group.average = Average::start(group.in_flight.len(), now_ms);
            group.idle_since_ms = now_ms;
        }
    }

    fn purge(&mut self, watermark: Sequence, now_ms: u64) {
        self.average.update(self.deadlines.len(), now_ms);
        self.last_sequence = self.last_sequence.max(watermark);
        self.touched.clear();
        self.deadlines.clear();
        self.recalled.clear();
        self.duplicates.clear();
        // Until the purge is committed, what is on disk is gone all the same.
        self.unknown_on_disk = More::None;
        self.due.clear();
        self.ready.clear();
        self.noisy.clear();
        self.unjudged.clear();
        self.awaited = None;
        self.outbox.clear();
        self.returned_count = 0;
        self.log_count = 0;
        self.passed_rows = 0;
        self.dirty_groups.clear();
        self.groups.clear();
        self.window_entries = 0;
        if self.order == Order::Standard {
            self.groups.insert(GroupId::NONE, Group::empty(watermark));
            self.dirty_groups.insert(GroupId::NONE);
        }
    }
}
