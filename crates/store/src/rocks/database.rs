//! The open database that the store, its shards and its readers share.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rocksdb::{
    BottommostLevelCompaction, Cache, ColumnFamily, CompactOptions, DB, ErrorKind, FlushOptions,
    Range, WriteBatch, WriteOptions,
};

use super::group_commit::GroupCommit;
use super::options::{BODIES, ROWS, RocksOptions};
use super::reclaim::Removed;
use super::{sync_mark, torn_tail, wal_check};
use crate::data_dir::{DataDir, sync_dir};
use crate::stats::Counters;
use crate::{ShardId, Space, StoreError};

/// What RocksDB says of a failed sync. What is on the disk is not known then, whatever the reason.
const FAILED_SYNCS: [&str; 2] = ["While fdatasync", "While fsync"];

/// What RocksDB says instead of letting a writer wait.
const STALL: &str = "Write stall";
/// A stalled write is tried again after this, and then after twice as long each time, up to the longest.
const STALL_PAUSE_MIN: Duration = Duration::from_millis(1);
const STALL_PAUSE_MAX: Duration = Duration::from_millis(50);
/// What takes longer is worth a line in the log.
const STALL_TOLD_AFTER: Duration = Duration::from_secs(1);

const PROPERTY_BACKGROUND_ERRORS: &str = "rocksdb.background-errors";
const PROPERTY_WRITE_STOPPED: &str = "rocksdb.is-write-stopped";
const PROPERTY_WRITE_BUFFERS: &str = "rocksdb.cur-size-all-mem-tables";
const PROPERTY_BLOB_BYTES: &str = "rocksdb.live-blob-file-size";
/// Ends of the names of properties that count what is not in table files yet.
const MEMORY_TABLES: [&str; 2] = ["active-mem-table", "imm-mem-tables"];
const PROPERTY_BLOB_GARBAGE_BYTES: &str = "rocksdb.live-blob-file-garbage-size";

/// An open database; the data directory stays locked until the last owner drops it.
pub(super) struct Database {
    // Dropped in this order: RocksDB must be gone before the lock is.
    db: DB,
    data_dir: DataDir,
    cache: Cache,
    write_options: WriteOptions,
    pub(super) counters: Counters,
    pub(super) group_commit: GroupCommit,
    /// Table bytes in ranges of bodies that were removed since the last compaction of all.
    removed_range_bytes: AtomicU64,
    /// Why the store stopped.
    lost: OnceLock<Loss>,
    is_closed: AtomicBool,
    /// All changes up to this sequence number are on stable storage.
    synced_sequence: AtomicU64,
    shards: Mutex<HashSet<ShardId>>,
}

/// The fault that stopped the store.
struct Loss {
    cause: Arc<str>,
    is_full_disk: bool,
}

impl Database {
    /// Opens and recovers the database, and marks all that was recovered as durable.
    ///
    /// That mark is the first record of the new log, so that the log never begins with a hole.
    pub(super) fn open(options: &RocksOptions) -> Result<Self, StoreError> {
        let data_dir = DataDir::open(&options.path)?;
        let path = data_dir.engine_path();
        let torn = torn_tail::find(&path)?;
        for tail in &torn {
            data_dir.refuse_torn(&tail.file, tail.kept_bytes)?;
        }
        data_dir.forget_closed()?;
        torn_tail::cut(&path, &torn)?;
        let cache = options.cache();
        let db = options
            .column_families(&cache)
            .and_then(|families| {
                DB::open_cf_descriptors(&options.database(&cache), &path, families)
            })
            .map_err(|error| store_error(path, error))?;
        let recovered = db.latest_sequence_number();
        let mut write_options = WriteOptions::default();
        write_options.set_no_slowdown(true);
        let database = Self {
            db,
            data_dir,
            cache,
            write_options,
            counters: Counters::new(),
            group_commit: GroupCommit::default(),
            removed_range_bytes: AtomicU64::new(0),
            lost: OnceLock::new(),
            is_closed: AtomicBool::new(false),
            synced_sequence: AtomicU64::new(0),
            shards: Mutex::new(HashSet::new()),
        };
        // RocksDB has made its directory if there was none, and syncs what is in it, but not where it is.
        sync_dir(&options.path)?;
        // Recovery ends with a sync of what it read, so the first mark may cover all of that.
        database.sync()?;
        database.synced_sequence.store(recovered, Ordering::Release);
        database.mark_and_sync()?;
        Ok(database)
    }

    pub(super) fn db(&self) -> &DB {
        &self.db
    }

    /// Returns the data directory.
    pub(super) fn path(&self) -> &Path {
        self.data_dir.path()
    }

    /// Returns where the files of RocksDB are.
    pub(super) fn engine_path(&self) -> PathBuf {
        self.data_dir.engine_path()
    }

    pub(super) fn family(&self, space: Space) -> Result<&ColumnFamily, StoreError> {
        let name = family_name(space);
        self.db.cf_handle(name).ok_or_else(|| StoreError::Engine {
            path: self.engine_path(),
            detail: format!("column family {name} is missing"),
        })
    }

    /// Writes a batch to the log's buffer and to memory, as soon as RocksDB takes it.
    ///
    /// While flushes are behind, RocksDB would wait in the queue of all writers. If a flush then finds no space, its
    /// recovery waits for that queue and the queue for the recovery, for ever. So it is asked again instead.
    #[expect(clippy::disallowed_methods, reason = "RocksDB has no event for the end of a stall")]
    pub(super) fn write(
        &self,
        batch: impl Fn() -> Result<WriteBatch, StoreError>,
    ) -> Result<(), StoreError> {
        let mut waited = Duration::ZERO;
        let mut pause = STALL_PAUSE_MIN;
        loop {
            match self.db.write_opt(batch()?, &self.write_options) {
                Err(error) if is_stall(&error) && !self.is_lost() => {
                    std::thread::sleep(pause);
                    if waited < STALL_TOLD_AFTER && waited + pause >= STALL_TOLD_AFTER {
                        tracing::warn!(
                            "commits wait: the disk does not keep up with flushes and compactions"
                        );
                    }
                    waited += pause;
                    pause = (pause * 2).min(STALL_PAUSE_MAX);
                }
                written => {
                    if waited >= STALL_TOLD_AFTER {
                        tracing::info!(waited_ms = waited.as_millis(), "commits go on");
                    }
                    return written.map_err(|error| self.error(error));
                }
            }
        }
    }

    /// The sequence number of the last write that returned, or a later one.
    pub(super) fn written_sequence(&self) -> u64 {
        self.db.latest_sequence_number()
    }

    /// Whether everything up to a sequence number is on stable storage.
    pub(super) fn is_synced(&self, sequence: u64) -> bool {
        self.synced_sequence.load(Ordering::Acquire) >= sequence
    }

    /// Starts a batch with the mark of the last sync.
    pub(super) fn batch(&self, capacity_bytes: usize) -> WriteBatch {
        let mut batch = WriteBatch::with_capacity_bytes(capacity_bytes);
        batch.put_log_data(sync_mark::encode(self.synced_sequence.load(Ordering::Acquire)));
        batch
    }

    /// Makes all writes that returned before this call durable.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        // Read before the sync: a write that returned is in the log's buffer with its sequence number.
        let sequence = self.written_sequence();
        self.db.flush_wal(true).map_err(|error| self.error(error))?;
        self.synced_sequence.fetch_max(sequence, Ordering::AcqRel);
        Ok(())
    }

    /// Syncs the log including a mark that covers all before it.
    pub(super) fn mark_and_sync(&self) -> Result<(), StoreError> {
        self.write(|| Ok(self.batch(0)))?;
        self.sync()
    }

    /// Syncs and measures; the store is lost if that fails.
    #[expect(
        clippy::disallowed_methods,
        reason = "the duration goes to the statistics and decides nothing"
    )]
    pub(super) fn sync_group(&self, commits: u64) -> Result<(), StoreError> {
        if let Some(loss) = self.lost.get() {
            return Err(StoreError::lost(loss.cause.clone()));
        }
        let started = Instant::now();
        match self.sync() {
            Ok(()) => {
                self.counters.synced(commits, started.elapsed());
                Ok(())
            }
            Err(error) => Err(self.lose(&error)),
        }
    }

    /// Stops the store for good; the first cause is kept, logged and told to everyone.
    pub(super) fn lose(&self, error: &StoreError) -> StoreError {
        let loss = self.lost.get_or_init(|| {
            tracing::error!(%error, "the store failed and takes no more commits");
            let is_full_disk = matches!(error, StoreError::Full { .. });
            Loss { cause: error.to_string().into(), is_full_disk }
        });
        StoreError::lost(loss.cause.clone())
    }

    /// Refuses commits from now on, without a fault. Says whether they were taken until now.
    pub(super) fn close(&self) -> bool {
        !self.is_closed.swap(true, Ordering::AcqRel)
    }

    /// Returns why commits are refused, if they are.
    pub(super) fn refusal(&self) -> Option<StoreError> {
        if let Some(loss) = self.lost.get() {
            return Some(StoreError::lost(loss.cause.clone()));
        }
        self.is_closed.load(Ordering::Acquire).then(|| StoreError::lost("the store is closed"))
    }

    /// Ends a clean run: a last mark over everything, synced, and no more background work.
    pub(super) fn finish(&self) -> Result<(), StoreError> {
        if let Some(loss) = self.lost.get() {
            self.db.cancel_all_background_work(false);
            return Err(StoreError::lost(loss.cause.clone()));
        }
        self.sync().and_then(|()| self.mark_and_sync()).map_err(|error| self.lose(&error))?;
        self.db.cancel_all_background_work(true);
        if let Err(error) = self.note_orderly_stop() {
            // Everything is durable; it only takes a warning away.
            tracing::warn!(%error, "cannot note that the store was closed in order");
        }
        Ok(())
    }

    /// Notes how long the manifest and the newest log are.
    fn note_orderly_stop(&self) -> Result<(), StoreError> {
        let path = self.engine_path();
        let current = path.join("CURRENT");
        let manifest = std::fs::read_to_string(&current)
            .map_err(|error| StoreError::io("read", &current, error))?;
        let logs = wal_check::logs(&path, 0)?;
        let log = logs.last().and_then(|log| log.file_name()).map(|name| name.to_string_lossy());
        let names = [manifest.trim_end().to_owned()].into_iter();
        self.data_dir.close(&names.chain(log.map(Into::into)).collect::<Vec<_>>())
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost.get().is_some()
    }

    pub(super) fn is_lost_to_full_disk(&self) -> bool {
        self.lost.get().is_some_and(|loss| loss.is_full_disk)
    }

    pub(super) fn shards(&self) -> MutexGuard<'_, HashSet<ShardId>> {
        self.shards.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn block_cache_bytes(&self) -> u64 {
        self.cache.get_usage() as u64
    }

    pub(super) fn write_buffer_bytes(&self) -> u64 {
        self.sum_of(PROPERTY_WRITE_BUFFERS)
    }

    pub(super) fn background_errors(&self) -> u64 {
        self.property(PROPERTY_BACKGROUND_ERRORS)
    }

    pub(super) fn is_write_stopped(&self) -> bool {
        self.property(PROPERTY_WRITE_STOPPED) > 0
    }

    /// Bytes in blob files, and how many of them are of removed bodies, as far as compactions have found out.
    pub(super) fn blob_bytes(&self) -> (u64, u64) {
        (self.sum_of(PROPERTY_BLOB_BYTES), self.sum_of(PROPERTY_BLOB_GARBAGE_BYTES))
    }

    /// What the files of a space hold, and how much of it was removed.
    pub(super) fn removed(&self, space: Space) -> Result<Removed, StoreError> {
        let in_memory = |what: &str| {
            MEMORY_TABLES
                .iter()
                .map(|table| self.property_of(space, &format!("rocksdb.num-{what}-{table}")))
                .sum::<u64>()
        };
        let deletions = in_memory("deletes");
        let values = in_memory("entries").saturating_sub(deletions);
        // Those of values that are in memory too will not reach a file.
        let mut removed = Removed {
            deletions: deletions.saturating_sub(values),
            range_bytes: match space {
                Space::Rows => 0,
                Space::Bodies => self.removed_range_bytes.load(Ordering::Relaxed),
            },
            all_bytes: self.property_of(space, PROPERTY_BLOB_BYTES),
            ..Removed::default()
        };
        let files = self.db.live_files().map_err(|error| self.error(error))?;
        for file in files.iter().filter(|file| file.column_family_name == family_name(space)) {
            removed.add_file(file.num_entries, file.num_deletions, file.size as u64);
        }
        Ok(removed)
    }

    /// Notes that a range of bodies is about to be removed. Those of rows are small.
    pub(super) fn removes_bodies(&self, from: &[u8], to: &[u8]) -> Result<(), StoreError> {
        let family = self.family(Space::Bodies)?;
        let sizes = self.db.get_approximate_sizes_cf(family, &[Range::new(from, to)]);
        self.removed_range_bytes.fetch_add(sizes.iter().sum(), Ordering::Relaxed);
        Ok(())
    }

    /// Compacts all files of a space that have something to give back. A failure is one of the store's background errors.
    pub(super) fn compact(&self, space: Space) {
        let Ok(family) = self.family(space) else { return };
        if space == Space::Bodies {
            self.removed_range_bytes.store(0, Ordering::Relaxed);
        }
        self.db.compact_range_cf(family, None::<&[u8]>, None::<&[u8]>);
    }

    /// Rewrites the files with rows in a range, and ends the log, so that neither holds what was removed or replaced there.
    pub(super) fn erase_removed(&self, from: &[u8], to: &[u8]) -> Result<(), StoreError> {
        let (rows, bodies) = (self.family(Space::Rows)?, self.family(Space::Bodies)?);
        // A log goes when all that is in it, whatever its space, is in table files.
        let flushed = self.db.flush_cfs_opt(&[rows, bodies], &FlushOptions::default());
        flushed.map_err(|error| self.error(error))?;
        let mut options = CompactOptions::default();
        options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
        self.db.compact_range_cf_opt(rows, Some(from), Some(to), &options);
        Ok(())
    }

    /// Changes an option of the column family of bodies while it is open.
    pub(super) fn set_body_option(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let family = self.family(Space::Bodies)?;
        self.db.set_options_cf(family, &[(name, value)]).map_err(|error| self.error(error))
    }

    fn property(&self, name: &str) -> u64 {
        self.db.property_int_value(name).ok().flatten().unwrap_or(0)
    }

    fn sum_of(&self, name: &str) -> u64 {
        [Space::Rows, Space::Bodies].into_iter().map(|space| self.property_of(space, name)).sum()
    }

    fn property_of(&self, space: Space, name: &str) -> u64 {
        let family = self.family(space).ok();
        let value = family.and_then(|family| self.db.property_int_value_cf(family, name).ok());
        value.flatten().unwrap_or(0)
    }

    /// Translates an error of RocksDB.
    pub(super) fn error(&self, error: rocksdb::Error) -> StoreError {
        store_error(self.engine_path(), error)
    }
}

fn family_name(space: Space) -> &'static str {
    match space {
        Space::Rows => ROWS,
        Space::Bodies => BODIES,
    }
}

fn is_stall(error: &rocksdb::Error) -> bool {
    error.kind() == ErrorKind::Incomplete && error.to_string().contains(STALL)
}

/// Translates an error of RocksDB in `path`; damage is reported for the file that has it, if the error names one.
pub(super) fn store_error(path: PathBuf, error: rocksdb::Error) -> StoreError {
    let kind = error.kind();
    let detail = error.into_string();
    let is_sync = FAILED_SYNCS.iter().any(|failed| detail.contains(failed));
    if detail.contains("No space left on device") && !is_sync {
        return StoreError::Full { path, detail };
    }
    // The flock of the data directory comes first; this is for tools that open the engine directly.
    if detail.contains("While lock file") {
        return StoreError::Locked { path: path.join("LOCK") };
    }
    match kind {
        ErrorKind::Corruption => StoreError::Corrupt { path: file_in(&detail, path), detail },
        // A file that should be there.
        ErrorKind::IOError | ErrorKind::NotFound if detail.contains("No such file") => {
            StoreError::Corrupt { path: file_in(&detail, path), detail }
        }
        _ => StoreError::Engine { path: file_in(&detail, path), detail },
    }
}

/// Finds the file in a directory that a message of RocksDB names; otherwise it is the directory.
fn file_in(detail: &str, directory: PathBuf) -> PathBuf {
    let prefix = format!("{}/", directory.display());
    let Some((_, name)) = detail.split_once(&prefix) else { return directory };
    let is_end =
        |character: char| !(character.is_ascii_alphanumeric() || "-._".contains(character));
    let name = name.split(is_end).next().unwrap_or_default().trim_end_matches(['.', '-']);
    if name.is_empty() { directory } else { directory.join(name) }
}
