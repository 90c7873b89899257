//! The partitions of a shard: those in memory, and what is remembered of the others.
//!
//! A partition is opened when it is used, or when time brings something about in it, and closed when neither has happened
//! for a while: its rows are all there is to it. What is kept of a closed one is when it has to be looked at next, and what
//! the metrics show.

use std::collections::{BTreeSet, HashMap};

use sluice_engine::{Counters, Partition};

use super::shard::Settings;
use super::traffic::Traffic;

/// A partition that was not used for this long is closed.
const IDLE_MS: u64 = 30_000;
/// Partitions in memory at most, those apart in which receives wait.
const OPEN_MAX: usize = 1_024;
/// Entries of all partitions in memory, about, before the ones that were not used lately are closed.
const ENTRIES_MAX: usize = 1 << 20;
/// A partition in which time brings something about so soon is not worth closing.
const SOON_MS: u64 = 5_000;
/// Partitions that one turn closes.
const CLOSINGS_MAX: usize = 64;
/// Partitions that one turn finds busy before it gives up.
const BUSY_MAX: usize = 4;

/// A partition in memory.
pub(super) struct Open {
    pub(super) engine: Partition,
    pub(super) settings: Settings,
    pub(super) traffic: Traffic,
    /// Whether it wants rows that it did not get yet.
    is_hungry: bool,
    wake_ms: Option<u64>,
    used_at_ms: u64,
    entries: usize,
}

impl Open {
    /// Whether it waits for rows that it did not get yet.
    pub(super) fn is_hungry(&self) -> bool {
        self.is_hungry
    }
}

/// What is remembered of a partition that is not in memory.
struct Closed {
    settings: Settings,
    traffic: Traffic,
    counters: Counters,
    wake_ms: Option<u64>,
}

/// The partitions of a shard.
#[derive(Default)]
pub(super) struct Partitions {
    open: HashMap<u64, Open>,
    closed: HashMap<u64, Closed>,
    /// Open and closed ones, by when they have to be looked at.
    wakes: BTreeSet<(u64, u64)>,
    /// Open ones, by when they were used last.
    uses: BTreeSet<(u64, u64)>,
    /// Sum over the open ones.
    entries: usize,
    /// What is overdue waits from here on, so that nothing waits behind what is always overdue.
    now_ms: u64,
}

impl Partitions {
    pub(super) fn get(&self, id: u64) -> Option<&Open> {
        self.open.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut Open> {
        self.open.get_mut(&id)
    }

    /// Whether the partition was opened before, and not removed since.
    pub(super) fn is_known(&self, id: u64) -> bool {
        self.open.contains_key(&id) || self.closed.contains_key(&id)
    }

    /// The partitions in memory.
    pub(super) fn open_ids(&self) -> Vec<u64> {
        self.open.keys().copied().collect()
    }

    /// Settings of a partition that is not in memory, as they were when it was.
    pub(super) fn closed_settings(&self, id: u64) -> Option<Settings> {
        self.closed.get(&id).map(|closed| closed.settings)
    }

    /// Takes in a partition that was opened. Only [`Self::used`] keeps it.
    pub(super) fn insert(&mut self, id: u64, engine: Partition, settings: Settings) {
        let closed = self.closed.remove(&id);
        let (wake_ms, traffic) =
            closed.map_or_else(Default::default, |it| (it.wake_ms, it.traffic));
        let open = Open {
            engine,
            settings,
            traffic,
            is_hungry: false,
            wake_ms,
            used_at_ms: 0,
            entries: 0,
        };
        self.uses.insert((open.used_at_ms, id));
        self.open.insert(id, open);
        self.settle(id);
    }

    /// Notes the time of what follows.
    pub(super) fn start_turn(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
    }

    /// Notes that a partition was used.
    pub(super) fn used(&mut self, id: u64) {
        if let Some(open) = self.open.get_mut(&id)
            // Often enough, and seldom enough to cost nothing.
            && self.now_ms.abs_diff(open.used_at_ms) >= IDLE_MS / 8
        {
            self.uses.remove(&(open.used_at_ms, id));
            open.used_at_ms = self.now_ms;
            self.uses.insert((open.used_at_ms, id));
        }
    }

    /// Notes that a partition waits for rows: it is looked at again as soon as others had their turn.
    pub(super) fn starve(&mut self, id: u64) {
        if let Some(open) = self.open.get_mut(&id) {
            open.is_hungry = true;
        }
        self.settle(id);
    }

    /// Notes that a partition has the rows that it wanted.
    pub(super) fn sate(&mut self, id: u64) {
        if let Some(open) = self.open.get_mut(&id).filter(|open| open.is_hungry) {
            open.is_hungry = false;
            self.settle(id);
        }
    }

    /// Notes when a partition has to be looked at next, and its size, after something happened in it.
    pub(super) fn settle(&mut self, id: u64) {
        let Some(open) = self.open.get_mut(&id) else { return };
        let entries = open.engine.entries();
        self.entries = self.entries - open.entries + entries;
        open.entries = entries;
        let next_ms = if open.is_hungry { Some(0) } else { open.engine.next_wake_ms() };
        let wake_ms = next_ms.map(|wake_ms| wake_ms.max(self.now_ms));
        if open.wake_ms != wake_ms {
            replace_wake(&mut self.wakes, id, open.wake_ms, wake_ms);
            open.wake_ms = wake_ms;
        }
    }

    /// Whether a partition has to be looked at by now.
    pub(super) fn is_any_due(&self) -> bool {
        self.wakes.first().is_some_and(|(wake_ms, _)| *wake_ms <= self.now_ms)
    }

    /// Partitions that have to be looked at by now, those first that wait longest.
    pub(super) fn due(&self, count_max: usize) -> Vec<u64> {
        let due = self.wakes.range(..=(self.now_ms, u64::MAX));
        due.map(|(_, id)| *id).take(count_max).collect()
    }

    /// When there is something to do next.
    pub(super) fn next_wake_ms(&self) -> Option<u64> {
        let wake_ms = self.wakes.first().map(|(wake_ms, _)| *wake_ms);
        let idle_ms = self.uses.first().map(|(used_at_ms, _)| used_at_ms + IDLE_MS);
        wake_ms.into_iter().chain(idle_ms).min()
    }

    /// Closes partitions that were not used for a while, or are too many. Their rows must be written.
    pub(super) fn close_idle(&mut self) {
        let (mut closings_left, mut busy_left) = (CLOSINGS_MAX, BUSY_MAX);
        while closings_left > 0
            && busy_left > 0
            && let Some((used_at_ms, id)) = self.uses.first().copied()
        {
            let is_tight = self.open.len() > OPEN_MAX || self.entries > ENTRIES_MAX;
            if !is_tight && used_at_ms + IDLE_MS > self.now_ms {
                return;
            }
            if self.can_close(id, is_tight) {
                closings_left -= 1;
                self.close(id);
            } else if let Some(open) = self.open.get_mut(&id) {
                self.uses.remove(&(used_at_ms, id));
                busy_left -= 1;
                open.used_at_ms = self.now_ms;
                self.uses.insert((open.used_at_ms, id));
            }
        }
    }

    /// When memory is tight, what only memory knows goes, as it does when the server is started again.
    fn can_close(&self, id: u64, is_tight: bool) -> bool {
        let Some(open) = self.open.get(&id) else { return false };
        if is_tight {
            return open.engine.waiting() == 0 && !open.is_hungry;
        }
        let is_soon = open.wake_ms.is_some_and(|wake_ms| wake_ms < self.now_ms + SOON_MS);
        !is_soon && open.engine.can_close(self.now_ms)
    }

    fn close(&mut self, id: u64) {
        let Some(open) = self.open.remove(&id) else { return };
        self.uses.remove(&(open.used_at_ms, id));
        self.entries -= open.entries;
        let Open { engine, settings, traffic, wake_ms, .. } = open;
        self.closed.insert(id, Closed { settings, traffic, counters: engine.counters(), wake_ms });
    }

    /// The numbers of a partition, as far as they are known without opening it.
    pub(super) fn measured(&self, id: u64) -> Option<(Counters, Traffic)> {
        let open = self.open.get(&id).map(|open| (open.engine.counters(), open.traffic));
        open.or_else(|| self.closed.get(&id).map(|closed| (closed.counters, closed.traffic)))
    }

    /// Forgets a partition.
    pub(super) fn remove(&mut self, id: u64) {
        let wake_ms = match self.open.remove(&id) {
            Some(open) => {
                self.uses.remove(&(open.used_at_ms, id));
                self.entries -= open.entries;
                open.wake_ms
            }
            None => self.closed.remove(&id).and_then(|closed| closed.wake_ms),
        };
        replace_wake(&mut self.wakes, id, wake_ms, None);
    }

    /// Forgets every partition.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

fn replace_wake(wakes: &mut BTreeSet<(u64, u64)>, id: u64, old: Option<u64>, new: Option<u64>) {
    if let Some(old_ms) = old {
        wakes.remove(&(old_ms, id));
    }
    if let Some(new_ms) = new {
        wakes.insert((new_ms, id));
    }
}

#[cfg(test)]
mod tests {
    use sluice_engine::{Command, GroupId, Limits, NewMessage, Output, RequestId, Stored};

    use super::*;
    use crate::broker::testing::SETTINGS;

    const NOW_MS: u64 = 1_700_000_000_000;

    fn open_at(partitions: &mut Partitions, id: u64, now_ms: u64) {
        let engine = Partition::open(Stored::default(), SETTINGS.config, Limits::SERVER, now_ms);
        partitions.insert(id, engine, SETTINGS);
    }

    fn used_at(partitions: &mut Partitions, id: u64, now_ms: u64) {
        partitions.start_turn(now_ms);
        open_at(partitions, id, now_ms);
        partitions.used(id);
    }

    fn submit(partitions: &mut Partitions, id: u64, now_ms: u64, command: Command) {
        let open = partitions.get_mut(id).expect("open");
        open.engine.submit(now_ms, RequestId(1), command, &mut Output::default());
        partitions.settle(id);
    }

    fn close_at(partitions: &mut Partitions, now_ms: u64) {
        partitions.start_turn(now_ms);
        partitions.close_idle();
    }

    fn receive(wait_ms: u64) -> Command {
        Command::Receive { count_max: 1, wait_ms, visibility_ms: 1_000, attempt: None }
    }

    #[test]
    fn a_partition_that_is_not_used_is_closed_and_woken_when_something_is_due() {
        let mut partitions = Partitions::default();
        used_at(&mut partitions, 1, NOW_MS);
        let message = NewMessage { group: GroupId::NONE, delay_ms: 0, deduplication: None };
        submit(&mut partitions, 1, NOW_MS, Command::Send(vec![message]));
        close_at(&mut partitions, NOW_MS + IDLE_MS - 1);
        assert!(partitions.get(1).is_some());
        close_at(&mut partitions, NOW_MS + IDLE_MS);
        assert!(partitions.get(1).is_none() && partitions.is_known(1));
        assert_eq!(partitions.measured(1).expect("known").0.visible, 1);
        assert_eq!(partitions.entries, 0);
        assert_eq!(partitions.next_wake_ms(), Some(NOW_MS + 60_000), "the message expires");
        partitions.start_turn(NOW_MS + 60_000);
        assert_eq!(partitions.due(9), [1]);
        assert!(partitions.closed_settings(1).is_some());
        partitions.remove(1);
        assert!(!partitions.is_known(1));
        assert_eq!(partitions.next_wake_ms(), None);
    }

    #[test]
    fn one_in_which_a_receive_waits_stays_however_many_there_are() {
        let mut partitions = Partitions::default();
        used_at(&mut partitions, 1, NOW_MS);
        submit(&mut partitions, 1, NOW_MS, receive(10 * IDLE_MS));
        for id in 2..=OPEN_MAX as u64 + 9 {
            used_at(&mut partitions, id, NOW_MS + 1);
        }
        close_at(&mut partitions, NOW_MS + 2);
        assert_eq!(partitions.open.len(), OPEN_MAX);
        assert!(partitions.get(1).is_some());
        assert!(partitions.get(2).is_none(), "it was used before the others");
        close_at(&mut partitions, NOW_MS + 3 * IDLE_MS);
        assert!(partitions.get(1).is_some());
    }

    #[test]
    fn one_that_was_opened_to_be_looked_at_is_closed_at_once() {
        let mut partitions = Partitions::default();
        partitions.start_turn(NOW_MS);
        open_at(&mut partitions, 1, NOW_MS);
        partitions.close_idle();
        assert!(partitions.get(1).is_none());
    }

    #[test]
    fn nothing_waits_behind_what_is_always_overdue() {
        let mut partitions = Partitions::default();
        used_at(&mut partitions, 1, NOW_MS);
        used_at(&mut partitions, 2, NOW_MS);
        submit(&mut partitions, 2, NOW_MS, receive(5));
        partitions.starve(1);
        partitions.start_turn(NOW_MS + 6);
        partitions.starve(1);
        assert_eq!(partitions.due(9), [2, 1]);
        partitions.sate(1);
        assert_eq!(partitions.due(9), [2]);
    }
}
