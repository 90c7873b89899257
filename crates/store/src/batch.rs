//! A batch: changes that become visible and durable together or not at all.

/// Says which of the two key spaces of a shard a key belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Space {
    /// Small ordered rows, cheap to scan.
    Rows,
    /// Large values, kept out of the tree so that scans and compaction of rows never move them.
    Bodies,
}

/// One change within a batch, in the order of submission.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Put { space: Space, key: Vec<u8>, value: Vec<u8> },
    Delete { space: Space, key: Vec<u8> },
    DeleteRange { space: Space, from: Vec<u8>, to: Vec<u8> },
}

/// Collects changes to one shard; later changes win over earlier ones.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    changes: Vec<Change>,
    bytes: usize,
}

impl Batch {
    /// Creates an empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `key` to `value`.
    pub fn put(&mut self, space: Space, key: Vec<u8>, value: Vec<u8>) {
        self.bytes += key.len() + value.len();
        self.changes.push(Change::Put { space, key, value });
    }

    /// Removes `key`; a key that does not exist is no error.
    pub fn delete(&mut self, space: Space, key: Vec<u8>) {
        self.bytes += key.len();
        self.changes.push(Change::Delete { space, key });
    }

    /// Removes every key in `from..to` that exists before this change; an empty range is dropped.
    pub fn delete_range(&mut self, space: Space, range: std::ops::Range<Vec<u8>>) {
        // RocksDB refuses an inverted range and would fail the whole batch.
        if range.start < range.end {
            self.bytes += range.start.len() + range.end.len();
            self.changes.push(Change::DeleteRange { space, from: range.start, to: range.end });
        }
    }

    /// Puts what `map` makes of a key and its value in the place of each value.
    #[must_use]
    pub fn map_values(self, mut map: impl FnMut(&[u8], Vec<u8>) -> Vec<u8>) -> Self {
        let mut mapped = Self::new();
        for change in self.changes {
            match change {
                Change::Put { space, key, value } => {
                    let value = map(&key, value);
                    mapped.put(space, key, value);
                }
                Change::Delete { space, key } => mapped.delete(space, key),
                Change::DeleteRange { space, from, to } => mapped.delete_range(space, from..to),
            }
        }
        mapped
    }

    /// Says whether the batch changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Returns the number of changes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Returns the size of all keys and values in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the changes in order.
    pub(crate) fn changes(&self) -> &[Change] {
        &self.changes
    }
}
