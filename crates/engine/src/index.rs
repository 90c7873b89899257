//! An ordered index on disk whose first entries are in memory.

use std::collections::BTreeMap;

/// Whether there is more on disk than in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum More {
    /// Memory holds everything.
    #[default]
    None,
    /// Rows follow on disk.
    OnDisk,
}

/// A page as long as its limit may not be the last.
pub(crate) fn more_after(rows: usize, limit: usize) -> More {
    if rows < limit { More::None } else { More::OnDisk }
}

/// The numbers of an index that are stored: how many rows it has, and where they begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IndexRow<K> {
    /// Number of rows.
    pub count: u64,
    /// Every row is after this key, so that no scan meets the rows removed before it.
    pub cursor: K,
}

/// An index with its first entries.
#[derive(Debug)]
pub(crate) struct Index<K, V> {
    pub(crate) row: IndexRow<K>,
    pub(crate) first: BTreeMap<K, V>,
    pub(crate) more: More,
    max: usize,
}

impl<K: Copy + Ord + Default, V: Copy> Index<K, V> {
    pub(crate) fn open(row: IndexRow<K>, max: usize) -> Self {
        let more = if row.count == 0 { More::None } else { More::OnDisk };
        Self { row, first: BTreeMap::new(), more, max }
    }

    /// Applies a put. `before` is a key before `key` with nothing in between; it matters when a clock went back.
    /// Returns the entry that has to leave memory.
    pub(crate) fn insert(&mut self, key: K, value: V, before: K) -> Option<V> {
        self.row.count += 1;
        if key <= self.row.cursor {
            self.row.cursor = before;
        }
        let is_in_memory = match self.more {
            More::None => true,
            More::OnDisk => self.first.last_key_value().is_some_and(|(last, _)| key < *last),
        };
        if !is_in_memory {
            return Some(value);
        }
        self.first.insert(key, value);
        if self.first.len() <= self.max {
            return None;
        }
        self.more = More::OnDisk;
        self.first.pop_last().map(|(_, value)| value)
    }

    /// Applies a removal; the cursor follows the removal of the first entry.
    pub(crate) fn remove(&mut self, key: K) {
        self.row.count -= 1;
        if self.first.first_key_value().is_some_and(|(first, _)| *first == key) {
            self.row.cursor = key;
        }
        self.first.remove(&key);
        if self.row.count == 0 {
            self.more = More::None;
        }
    }

    /// Key after which the index has to be read on.
    pub(crate) fn loaded_to(&self) -> K {
        self.first.last_key_value().map_or(self.row.cursor, |(key, _)| *key)
    }

    /// Whether rows have to be read before the first `entries` are known.
    pub(crate) fn is_low(&self, entries: usize) -> bool {
        self.more == More::OnDisk && self.first.len() < entries
    }

    /// Rows to read at once.
    pub(crate) fn page_rows(&self) -> usize {
        self.max
    }

    /// Takes rows that were read after [`Self::loaded_to`].
    pub(crate) fn supply(&mut self, rows: Vec<(K, V)>) {
        self.more = more_after(rows.len(), self.max);
        self.first.extend(rows);
    }

    /// Forgets everything, as its rows are removed at once.
    pub(crate) fn clear(&mut self) {
        self.first.clear();
        self.row.count = 0;
        self.more = More::None;
    }
}
