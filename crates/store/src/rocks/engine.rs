//! The store as a whole: opening, closing, counters.

use std::sync::Arc;

use super::background::Background;
use super::backup::LiveBackup;
use super::database::Database;
use super::options::RocksOptions;
use super::shard::RocksShard;
use super::{deleted_files, reclaim};
use crate::disk_space::DiskSpace;
use crate::{Shard, ShardId, SpaceLeft, Store, StoreError, StoreStats};

/// A store in a directory of the local file system.
///
/// The directory stays locked until the store, its shards and all readers are dropped.
pub struct RocksStore {
    // Dropped first: its thread holds the database open.
    _reclaim: Background,
    database: Arc<Database>,
    // After the database, which deletes files to its end.
    _deletions: Background,
    space: Arc<DiskSpace>,
}

impl RocksStore {
    /// Opens a data directory, creating it if it does not exist or is empty, and recovers from a crash.
    ///
    /// # Errors
    /// [`StoreError::Locked`] if another process has it open; [`StoreError::NewerFormat`],
    /// [`StoreError::DamagedFormat`] and [`StoreError::NotSluice`] if this version must not touch it;
    /// [`StoreError::Corrupt`] if acknowledged data is damaged; [`StoreError::Full`] and
    /// [`StoreError::Io`] if the disk does not cooperate.
    pub fn open(options: RocksOptions) -> Result<Self, StoreError> {
        let database = Arc::new(Database::open(&options)?);
        let space = Arc::new(DiskSpace::new(options.path, options.reserve_bytes));
        Ok(Self {
            _reclaim: reclaim::start(database.clone())?,
            _deletions: deleted_files::start(database.engine_path(), space.clone())?,
            database,
            space,
        })
    }

    #[cfg(test)]
    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    /// Returns what takes backups while the store is open.
    #[must_use]
    pub fn live_backup(&self) -> LiveBackup {
        LiveBackup(self.database.clone())
    }
}

impl Store for RocksStore {
    fn open_shard(&self, shard: ShardId) -> Result<Box<dyn Shard>, StoreError> {
        match self.database.refusal() {
            Some(refusal) => Err(refusal),
            None => Ok(Box::new(RocksShard::open(shard, self.database.clone())?)),
        }
    }

    fn space_left(&self) -> SpaceLeft {
        self.space.left()
    }

    fn is_lost_to_full_disk(&self) -> bool {
        self.database.is_lost_to_full_disk()
    }

    fn can_be_reopened(&self) -> bool {
        self.is_lost_to_full_disk() && self.space.is_back()
    }

    fn stats(&self) -> StoreStats {
        StoreStats {
            shards_open: self.database.shards().len() as u64,
            is_lost: self.database.is_lost(),
            write_buffer_bytes: self.database.write_buffer_bytes(),
            block_cache_bytes: self.database.block_cache_bytes(),
            background_errors: self.database.background_errors(),
            is_write_stopped: self.database.is_write_stopped(),
            ..self.database.counters.snapshot()
        }
    }

    fn close(&self) -> Result<(), StoreError> {
        if self.database.close() { self.database.finish() } else { Ok(()) }
    }
}

impl Drop for RocksStore {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::error!(%error, "cannot close the store");
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

    use super::{RocksOptions, RocksStore};
    use crate::{Batch, ShardId, Space, Store, StoreError};

    #[test]
    fn after_a_fault_commits_are_lost_and_reads_go_on() {
        let dir = tempfile::tempdir().unwrap();
        let store = RocksStore::open(RocksOptions::new(dir.path())).unwrap();
        let mut shard = store.open_shard(ShardId(0)).unwrap();
        let commit = |shard: &mut dyn crate::Shard, key: u8| {
            let mut batch = Batch::new();
            batch.put(Space::Rows, vec![key], vec![key]);
            shard.commit(batch).wait()
        };
        commit(&mut *shard, 1).unwrap();
        store.database.lose(&StoreError::lost("first fault"));
        store.database.lose(&StoreError::lost("second fault"));
        let error = commit(&mut *shard, 2).unwrap_err();
        assert!(matches!(&error, StoreError::Lost { cause } if cause.contains("first fault")));
        assert!(store.database.sync_group(1).is_err(), "tickets already pending are lost too");
        assert!(store.stats().is_lost);
        let reader = shard.reader();
        assert!(reader.get(Space::Rows, &[1]).unwrap().is_some());
        assert!(reader.get(Space::Rows, &[2]).unwrap().is_none());
        assert!(matches!(store.close(), Err(StoreError::Lost { .. })));
    }
}
