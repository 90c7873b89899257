//! When the space of what was removed is given back.
//!
//! RocksDB compacts a level that has grown too large. Deletions are small, so they may stay above what they delete for as
//! long as nothing else is written: a queue that was emptied would keep its disk. So the files are looked at now and
//! then, and what belongs to a quarter of removed data or more is compacted. That writes at most three times what
//! it gives back, however much is stored.

use std::sync::Arc;
use std::time::Duration;

use super::background::Background;
use super::blob_garbage::BlobGarbage;
use super::database::Database;
use crate::{Space, StoreError};

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(10);
/// Looks that are left out at most when compactions do not give back what was expected: deletions of what never reached a
/// file look like those of what did.
const SKIPPED_MAX: u32 = 63;
/// Less than this is left alone, bytes.
const BYTES_MIN: u64 = 64 << 20;
/// So is less than this part of all.
const PART: u64 = 4;

/// Starts the thread that looks at the files.
pub(super) fn start(database: Arc<Database>) -> Result<Background, StoreError> {
    let path = database.path().to_owned();
    let mut looks = Looks::default();
    Background::start("reclaim", &path, PAUSE, move || {
        if database.refusal().is_some() {
            return None;
        }
        looks.look(&database);
        Some(PAUSE)
    })
}

/// What is remembered from one look to the next.
#[derive(Default)]
struct Looks {
    rows: Patience,
    bodies: Patience,
    blob_garbage: BlobGarbage,
}

impl Looks {
    /// Compacts what is worth it.
    fn look(&mut self, database: &Database) {
        // First, so that the compaction moves what is to be moved.
        self.blob_garbage.look(database);
        for (space, patience) in [(Space::Rows, &mut self.rows), (Space::Bodies, &mut self.bodies)]
        {
            if patience.is_over()
                && let Err(error) = give_back(database, space, patience)
            {
                tracing::warn!(%error, "cannot find out how much space removed data takes");
            }
        }
    }
}

fn give_back(database: &Database, space: Space, patience: &mut Patience) -> Result<(), StoreError> {
    let found = database.removed(space)?;
    if found.is_worth_it() {
        tracing::debug!(?space, ?found, "compacts to give space back");
        database.compact(space);
        let freed_bytes = found.all_bytes.saturating_sub(database.removed(space)?.all_bytes);
        patience.learn(freed_bytes >= found.bytes() / 2);
    }
    Ok(())
}

/// How many looks are left out.
#[derive(Debug, Default)]
struct Patience {
    skipped: u32,
    left: u32,
}

impl Patience {
    fn is_over(&mut self) -> bool {
        let is_over = self.left == 0;
        self.left = self.left.saturating_sub(1);
        is_over
    }

    /// Twice as many and one more after each compaction that was not worth it.
    fn learn(&mut self, was_worth_it: bool) {
        self.skipped = if was_worth_it { 0 } else { (self.skipped * 2 + 1).min(SKIPPED_MAX) };
        self.left = self.skipped;
    }
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
    /// Of these the files whose entries are not known.
    pub(super) unknown_bytes: u64,
    /// Of all table files what lies in ranges that were removed as a whole.
    pub(super) range_bytes: u64,
    /// Size of all files.
    pub(super) all_bytes: u64,
}

impl Removed {
    /// Adds a table file. After a start RocksDB does not know the entries of all of them; those have as many as the others.
    pub(super) fn add_file(&mut self, entries: u64, deletions: u64, bytes: u64) {
        self.values += entries.saturating_sub(deletions);
        self.deletions += deletions;
        self.table_bytes += bytes;
        self.all_bytes += bytes;
        if entries == 0 {
            self.unknown_bytes += bytes;
        }
    }

    /// About what can be given back.
    fn bytes(&self) -> u64 {
        // As dense as the known ones.
        let known_bytes = (self.table_bytes - self.unknown_bytes).max(1);
        let unknown =
            (self.values + self.deletions).saturating_mul(self.unknown_bytes) / known_bytes;
        let one_by_one = part_of(self.all_bytes, self.deletions, self.values + unknown);
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
        Looks::default().look(store.database());
        assert!(all_bytes(&store) > 70 << 20, "nothing was removed");
        commit(&mut *shard, |batch, number| batch.delete(Space::Bodies, key(number)));
        Looks::default().look(store.database());
        assert!(all_bytes(&store) < 1 << 20, "{} bytes are left", all_bytes(&store));
    }

    #[test]
    fn what_was_removed_as_a_range_gives_its_space_back() {
        let dir = tempfile::tempdir().unwrap();
        let (store, mut shard) = filled(dir.path());
        let mut batch = Batch::new();
        batch.delete_range(Space::Bodies, key(0)..key(BODIES));
        shard.commit(batch).wait().unwrap();
        Looks::default().look(store.database());
        assert!(all_bytes(&store) < 1 << 20, "{} bytes are left", all_bytes(&store));
        assert_eq!(store.database().removed(Space::Bodies).unwrap().range_bytes, 0);
    }

    #[test]
    fn a_quarter_is_worth_it_and_so_much_that_matters() {
        let of = |mib: u64, deletions| Removed {
            values: 100,
            deletions,
            table_bytes: mib << 20,
            all_bytes: mib << 20,
            ..Removed::default()
        };
        assert!(of(1_000, 25).is_worth_it());
        assert!(!of(1_000, 24).is_worth_it());
        assert!(!of(100, 50).is_worth_it(), "little");
        assert!(of(100, 64).is_worth_it());
        assert_eq!(of(100, 1_000).bytes(), 100 << 20, "deletions of what is not there");
        let range = Removed { range_bytes: 300 << 20, ..of(1_000, 0) };
        assert!(range.is_worth_it());
        assert_eq!(Removed::default().bytes(), 0);
        let mut unknown = of(1_000, 25);
        unknown.add_file(0, 0, 1_000 << 20);
        assert!(!unknown.is_worth_it(), "values that are not known of");
    }

    #[test]
    fn deletions_of_what_never_reached_a_file_are_looked_for_less_often() {
        let dir = tempfile::tempdir().unwrap();
        let (store, mut shard) = filled(dir.path());
        let other = |number| key(BODIES + number);
        let mut looks = Looks::default();
        for (at, expected) in [1, 0, 3, 2, 1, 0, 7].into_iter().enumerate() {
            commit(&mut *shard, |batch, number| batch.delete(Space::Bodies, other(number)));
            looks.look(store.database());
            assert_eq!(looks.bodies.left, expected, "look {at}");
        }
        looks.bodies.learn(true);
        assert_eq!(looks.bodies.left, 0);
        (0..9).for_each(|_| looks.bodies.learn(false));
        assert_eq!(looks.bodies.left, SKIPPED_MAX);
    }
}
