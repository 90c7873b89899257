//! How RocksDB is set up: memory, files, checksums, recovery.

use std::path::PathBuf;

use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, Cache, ColumnFamilyDescriptor, DBCompressionType,
    DBRecoveryMode, LogLevel, LruCacheOptions, Options, WriteBufferManager,
};

/// The column family of [`crate::Space::Rows`].
pub(super) const ROWS: &str = "rows";
/// The column family of [`crate::Space::Bodies`].
pub(super) const BODIES: &str = "bodies";

/// Values from this size on go to blob files instead of the tree.
const BLOB_BYTES_MIN: u64 = 512;
const BLOB_FILE_BYTES: u64 = 64 << 20;
/// Share of the blob files whose bodies are moved by compactions, until `blob_garbage` says otherwise: none.
const BLOB_GC_AGE_CUTOFF: f64 = 0.0;
/// Compactions are started for the sake of garbage from this share of it on, while it is collected.
const BLOB_GC_GARBAGE_MIN: f64 = 0.25;
const BLOOM_BITS_PER_KEY: f64 = 10.0;
/// The cache has two to the power of this many parts. What is larger than a part is not kept, but read each time.
const CACHE_SHARD_BITS: i32 = 4;
const BACKGROUND_JOBS: i32 = 2;
/// The log may hold this many times the write buffers before the oldest are flushed.
const WAL_BUFFERS: u64 = 4;
/// Smooths background writes, so that they do not pile up in front of a log sync.
const BYTES_PER_SYNC: u64 = 1 << 20;
/// Files in level 0 that are compacted together. Each spans its whole queue, from the oldest message to the newest, and so
/// does what they are merged with.
const LEVEL0_FILES: i32 = 8;
/// Files in level 0 from which on writes stop. RocksDB would slow them down before, and charges for each try.
const LEVEL0_FILES_MAX: i32 = 36;
const MEMORY_TABLE_HINTS: &str =
    "memtable_insert_with_hint_prefix_extractor=rocksdb.CappedPrefix.3";
const INFO_LOG_FILES: usize = 4;
const INFO_LOG_BYTES: usize = 4 << 20;
const MANIFEST_BYTES: usize = 64 << 20;

/// Where and how a [`crate::RocksStore`] keeps its data.
#[derive(Debug, Clone)]
pub struct RocksOptions {
    /// The data directory; created with mode 0700 if it does not exist.
    pub path: PathBuf,
    /// Memory for blocks read from files, in bytes.
    pub block_cache_bytes: usize,
    /// Memory for writes not in table files yet, in bytes, over all shards.
    pub write_buffer_bytes: usize,
    /// Below this many free bytes on the disk, [`crate::SpaceLeft::Low`] is reported.
    pub reserve_bytes: u64,
    /// How many files may be open at once.
    pub open_files_max: i32,
}

impl RocksOptions {
    /// Returns options that suit one server of moderate size: 128 MiB of memory, 1 GiB of reserve.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            block_cache_bytes: 64 << 20,
            write_buffer_bytes: 64 << 20,
            reserve_bytes: 1 << 30,
            open_files_max: 512,
        }
    }

    /// Creates the cache that bounds memory: blocks, filters, indexes, and a charge for write buffers.
    pub(super) fn cache(&self) -> Cache {
        let mut options = LruCacheOptions::default();
        options.set_capacity(self.block_cache_bytes.saturating_add(self.write_buffer_bytes));
        options.set_num_shard_bits(CACHE_SHARD_BITS);
        Cache::new_lru_cache_opts(&options)
    }

    pub(super) fn database(&self, cache: &Cache) -> Options {
        let mut options = Options::default();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        options.set_paranoid_checks(true);

        options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
        options.set_track_and_verify_wals_in_manifest(true);
        options.set_manual_wal_flush(true);
        options
            .set_max_total_wal_size((self.write_buffer_bytes as u64).saturating_mul(WAL_BUFFERS));

        // Without stalling: the bound per column family holds writers back, in smaller steps.
        options.set_write_buffer_manager(&WriteBufferManager::new_write_buffer_manager_with_cache(
            self.write_buffer_bytes,
            false,
            cache.clone(),
        ));
        options.set_max_open_files(self.open_files_max);
        options.set_max_background_jobs(BACKGROUND_JOBS);
        options.set_bytes_per_sync(BYTES_PER_SYNC);
        options.set_avoid_unnecessary_blocking_io(true);

        options.set_log_level(LogLevel::Warn);
        options.set_keep_log_file_num(INFO_LOG_FILES);
        options.set_max_log_file_size(INFO_LOG_BYTES);
        options.set_max_manifest_file_size(MANIFEST_BYTES);
        options.set_stats_dump_period_sec(0);
        options.set_stats_persist_period_sec(0);
        options
    }

    pub(super) fn column_families(
        &self,
        cache: &Cache,
    ) -> Result<Vec<ColumnFamilyDescriptor>, rocksdb::Error> {
        let rows = column_family(cache, self.write_buffer_bytes / 4)?;
        let mut bodies = column_family(cache, self.write_buffer_bytes / 2)?;
        bodies.set_enable_blob_files(true);
        bodies.set_min_blob_size(BLOB_BYTES_MIN);
        bodies.set_blob_file_size(BLOB_FILE_BYTES);
        bodies.set_blob_compression_type(DBCompressionType::Lz4);
        bodies.set_enable_blob_gc(true);
        bodies.set_blob_gc_age_cutoff(BLOB_GC_AGE_CUTOFF);
        bodies.set_blob_gc_force_threshold(BLOB_GC_GARBAGE_MIN);
        Ok(vec![
            ColumnFamilyDescriptor::new(ROWS, rows),
            ColumnFamilyDescriptor::new(BODIES, bodies),
        ])
    }
}

fn column_family(cache: &Cache, write_buffer_bytes: usize) -> Result<Options, rocksdb::Error> {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(cache);
    blocks.set_bloom_filter(BLOOM_BITS_PER_KEY, false);
    // In pieces: rows are small, so that the filter of one file has megabytes, all of which a miss in the cache would read.
    blocks.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
    blocks.set_partition_filters(true);
    blocks.set_pin_top_level_index_and_filter(true);
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);

    let mut options = with_hints()?;
    options.set_block_based_table_factory(&blocks);
    options.set_write_buffer_size(write_buffer_bytes);
    options.set_level_zero_file_num_compaction_trigger(LEVEL0_FILES);
    options.set_level_zero_slowdown_writes_trigger(LEVEL0_FILES_MAX);
    options.set_level_zero_stop_writes_trigger(LEVEL0_FILES_MAX);
    options.set_soft_pending_compaction_bytes_limit(0);
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_paranoid_checks(true);
    Ok(options)
}

/// Most rows of a table follow those that were written last, so the memory table remembers where that was: for each shard
/// and each table of it, which the first three bytes of a key tell.
fn with_hints() -> Result<Options, rocksdb::Error> {
    // The C interface has no function for it.
    Options::default().get_options_from_string(MEMORY_TABLE_HINTS)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

    use rocksdb::perf::{PerfContext, PerfMetric, PerfStatsLevel, set_perf_stats};

    use super::*;
    use crate::{Batch, RocksStore, ShardId, Space, Store};

    #[test]
    fn what_the_cache_does_not_hold_is_read_in_small_pieces() {
        const ROWS: u64 = 300_000;
        let dir = tempfile::tempdir().unwrap();
        let small = RocksOptions {
            block_cache_bytes: 1 << 20,
            write_buffer_bytes: 1 << 20,
            ..RocksOptions::new(dir.path())
        };
        let store = RocksStore::open(small).unwrap();
        let mut shard = store.open_shard(ShardId(1)).unwrap();
        // Far apart, so that neighbours are not in one block.
        let key = |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes().to_vec();
        for start in (0..ROWS).step_by(10_000) {
            let mut batch = Batch::new();
            (start..start + 10_000).for_each(|at| batch.put(Space::Rows, key(at), vec![1]));
            shard.commit(batch).wait().unwrap();
        }
        store.database().compact(Space::Rows);

        let reader = shard.reader();
        set_perf_stats(PerfStatsLevel::EnableCount);
        let mut counts = PerfContext::default();
        counts.reset();
        const READS: u64 = 1_000;
        for at in 0..READS {
            assert!(reader.get(Space::Rows, &key(at * 299)).unwrap().is_some());
        }
        let bytes = counts.metric(PerfMetric::BlockReadByte);
        assert!(bytes > 0, "everything is in the cache: this shows nothing");
        assert!(bytes / READS < 32 << 10, "{} bytes for each row", bytes / READS);
    }
}
