//! When the space of what was removed is given back.
//!
//! RocksDB compacts a level that has grown too large. Deletions are small, so they may stay above what they delete for as
//! long as nothing else is written: a queue that was emptied would keep its disk. So the files are looked at now and
//! then, and what belongs to a quarter of removed data or more is compacted. That writes at most three times what
//! it gives back, however much is stored.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::database::Database;
use crate::{Space, StoreError};

/// Between two looks.
const PAUSE_MIN: Duration = Duration::from_secs(10);
/// The same after compactions that gave back much less than was expected: deletions of what never reached a file.
const PAUSE_MAX: Duration = Duration::from_secs(640);
/// Less than this is left alone, bytes.
const BYTES_MIN: u64 = 64 << 20;
/// So is less than this part of all.
const PART: u64 = 4;

/// The thread that looks at the files.
pub(super) struct Reclaim {
    /// Dropped first: the thread ends.
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Reclaim {
    pub(super) fn start(database: Arc<Database>) -> Result<Self, StoreError> {
        let (stop, stopped) = sync_channel(0);
        let path = database.path().to_owned();
        let thread = std::thread::Builder::new()
            .name("reclaim".to_owned())
            .spawn(move || {
                let mut pause = PAUSE_MIN;
                while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout)
                    && database.refusal().is_none()
                {
                    pause = look(&database, pause);
                }
            })
            .map_err(|error| StoreError::io("start a thread for", &path, error))?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Reclaim {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A panic was reported by its own thread; nothing here depends on what it did.
        drop(self.thread.take().map(JoinHandle::join));
    }
}

/// Compacts what is worth it. Returns the pause before the next look.
fn look(database: &Database, pause: Duration) -> Duration {
    let mut next = PAUSE_MIN;
    for space in [Space::Rows, Space::Bodies] {
        let found = match database.removed(space) {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, "cannot find out how much space removed data takes");
                continue;
            }
        };
        if !found.is_worth_it() {
            continue;
        }
        tracing::debug!(?space, ?found, "compacts to give space back");
        database.compact(space);
        let after_bytes = database.removed(space).map_or(0, |after| after.all_bytes);
        let freed_bytes = found.all_bytes.saturating_sub(after_bytes);
        if freed_bytes < found.bytes() / 2 {
            next = next.max((pause * 2).min(PAUSE_MAX));
        }
    }
    next
}

/// What the files of a space hold, and how much of it was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Removed {
    /// Values written, removed or not.
    pub(super) values: u64,
    /// Deletions of one value each.
    pub(super) deletions: u64,
    /// Size of the table files.
    pub(super) table_bytes: u64,
    /// Of these what lies in ranges that were removed as a whole.
    pub(super) range_bytes: u64,
    /// Size of all files.
    pub(super) all_bytes: u64,
}

impl Removed {
    /// About what can be given back.
    fn bytes(&self) -> u64 {
        let one_by_one = part_of(self.all_bytes, self.deletions, self.values);
        let ranges = part_of(self.all_bytes, self.range_bytes, self.table_bytes);
        (one_by_one + ranges).min(self.all_bytes)
    }

    fn is_worth_it(&self) -> bool {
        self.bytes() >= BYTES_MIN.max(self.all_bytes / PART)
    }
}

/// `bytes` times `part / whole`, which is at most one.
fn part_of(bytes: u64, part: u64, whole: u64) -> u64 {
    let product = u128::from(bytes) * u128::from(part.min(whole));
    u64::try_from(product / u128::from(whole.max(1))).unwrap_or(bytes)
}

/// Bytes in ranges that were removed since the last compaction, by space.
#[derive(Debug, Default)]
pub(super) struct RemovedRanges {
    rows: AtomicU64,
    bodies: AtomicU64,
}

impl RemovedRanges {
    pub(super) fn of(&self, space: Space) -> &AtomicU64 {
        match space {
            Space::Rows => &self.rows,
            Space::Bodies => &self.bodies,
        }
    }

    pub(super) fn add(&self, space: Space, bytes: u64) {
        self.of(space).fetch_add(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

    use super::*;
    use crate::{Batch, RocksOptions, RocksStore, Shard, ShardId, Store};

    const BODIES: u64 = 80_000;
    const BODY_BYTES: usize = 1_000;

    fn key(number: u64) -> Vec<u8> {
        number.to_be_bytes().to_vec()
    }

    /// Does not compress.
    fn body(number: u64) -> Vec<u8> {
        let mut state = number + 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        };
        (0..BODY_BYTES / 8).flat_map(|_| next()).collect()
    }

    fn commit(shard: &mut dyn Shard, change: impl Fn(&mut Batch, u64)) {
        for start in (0..BODIES).step_by(1_000) {
            let mut batch = Batch::new();
            (start..start + 1_000).for_each(|number| change(&mut batch, number));
            shard.commit(batch).wait().unwrap();
        }
    }

    fn filled(dir: &std::path::Path) -> (RocksStore, Box<dyn Shard>) {
        let store = RocksStore::open(RocksOptions::new(dir)).unwrap();
        let mut shard = store.open_shard(ShardId(1)).unwrap();
        commit(&mut *shard, |batch, number| batch.put(Space::Bodies, key(number), body(number)));
        store.database().compact(Space::Bodies);
        (store, shard)
    }

    fn all_bytes(store: &RocksStore) -> u64 {
        store.database().removed(Space::Bodies).unwrap().all_bytes
    }

    #[test]
    fn what_was_removed_one_by_one_gives_its_space_back() {
        let dir = tempfile::tempdir().unwrap();
        let (store, mut shard) = filled(dir.path());
        assert!(all_bytes(&store) > 70 << 20);
        assert_eq!(look(store.database(), PAUSE_MIN), PAUSE_MIN);
        assert!(all_bytes(&store) > 70 << 20, "nothing was removed");
        commit(&mut *shard, |batch, number| batch.delete(Space::Bodies, key(number)));
        assert_eq!(look(store.database(), PAUSE_MIN), PAUSE_MIN);
        assert!(all_bytes(&store) < 1 << 20, "{} bytes are left", all_bytes(&store));
    }

    #[test]
    fn what_was_removed_as_a_range_gives_its_space_back() {
        let dir = tempfile::tempdir().unwrap();
        let (store, mut shard) = filled(dir.path());
        let mut batch = Batch::new();
        batch.delete_range(Space::Bodies, key(0)..key(BODIES));
        shard.commit(batch).wait().unwrap();
        look(store.database(), PAUSE_MIN);
        assert!(all_bytes(&store) < 1 << 20, "{} bytes are left", all_bytes(&store));
        assert_eq!(store.database().removed(Space::Bodies).unwrap().range_bytes, 0);
    }

    #[test]
    fn a_quarter_is_worth_it_and_so_much_that_matters() {
        let of = |mib: u64, deletions| Removed {
            values: 100,
            deletions,
            table_bytes: mib << 20,
            range_bytes: 0,
            all_bytes: mib << 20,
        };
        assert!(of(1_000, 25).is_worth_it());
        assert!(!of(1_000, 24).is_worth_it());
        assert!(!of(100, 50).is_worth_it(), "little");
        assert!(of(100, 64).is_worth_it());
        assert_eq!(of(100, 1_000).bytes(), 100 << 20, "deletions of what is not there");
        let range = Removed { range_bytes: 300 << 20, ..of(1_000, 0) };
        assert!(range.is_worth_it());
        assert_eq!(Removed::default().bytes(), 0);
    }

    #[test]
    fn deletions_of_what_never_reached_a_file_are_looked_for_less_often() {
        let dir = tempfile::tempdir().unwrap();
        let (store, mut shard) = filled(dir.path());
        let other = |number| key(BODIES + number);
        commit(&mut *shard, |batch, number| batch.delete(Space::Bodies, other(number)));
        assert_eq!(look(store.database(), PAUSE_MIN), PAUSE_MIN * 2);
        commit(&mut *shard, |batch, number| batch.delete(Space::Bodies, other(number)));
        assert_eq!(look(store.database(), PAUSE_MAX), PAUSE_MAX);
    }
}
