//! Counters of a store, as plain numbers for metrics.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the sync latency buckets, in microseconds.
const SYNC_MICROS_BOUNDS: &[u64] = &[
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 5_000_000,
];

/// Upper bounds of the buckets that count commits per synced group.
const GROUP_COMMITS_BOUNDS: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];

/// Upper bounds of the batch size buckets, in bytes.
const BATCH_BYTES_BOUNDS: &[u64] =
    &[256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304];

/// A snapshot of a histogram with fixed buckets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistogramSnapshot {
    /// Inclusive upper bounds; one bucket more than bounds, the last without bound.
    pub bounds: &'static [u64],
    /// Observations per bucket, not cumulative.
    pub counts: Vec<u64>,
    /// Sum of all observations.
    pub sum: u64,
}

/// A snapshot of what a store did since it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreStats {
    /// Commits applied.
    pub commits: u64,
    /// Bytes of keys and values in those commits.
    pub commit_bytes: u64,
    /// Syncs that succeeded, each making a group of commits durable.
    pub synced_groups: u64,
    /// Sizes of committed batches in bytes.
    pub batch_bytes: HistogramSnapshot,
    /// Commits per synced group.
    pub group_commits: HistogramSnapshot,
    /// Duration of syncs in microseconds.
    pub sync_micros: HistogramSnapshot,
    /// Shards that have a writer now.
    pub shards_open: u64,
    /// Whether the store failed and takes no more commits.
    pub is_lost: bool,
    /// Bytes in memory that are not in table files yet.
    pub write_buffer_bytes: u64,
    /// Bytes in the block cache, including what is charged for write buffers.
    pub block_cache_bytes: u64,
    /// Failed background writes of the engine; anything but zero needs attention.
    pub background_errors: u64,
    /// Whether the engine holds commits back because the disk does not keep up.
    pub is_write_stopped: bool,
}

/// Number and size of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FileSize {
    /// How many.
    pub files: u64,
    /// All together, bytes.
    pub bytes: u64,
}

/// What the files of a store take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FileSizes {
    /// Rows and small bodies.
    pub tables: FileSize,
    /// Large bodies.
    pub blobs: FileSize,
    /// The write-ahead log.
    pub logs: FileSize,
    /// The storage engine's own.
    pub other: FileSize,
    /// What a crash left behind; removed at the next start.
    pub unused: FileSize,
    /// Bytes among [`Self::blobs`] that were deleted, and whose space comes back when files are rewritten.
    pub garbage_bytes: u64,
}

#[derive(Debug)]
struct Histogram {
    bounds: &'static [u64],
    counts: Vec<AtomicU64>,
    sum: AtomicU64,
}

impl Histogram {
    fn new(bounds: &'static [u64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, sum: AtomicU64::new(0) }
    }

    fn observe(&self, value: u64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    fn snapshot(&self) -> HistogramSnapshot {
        HistogramSnapshot {
            bounds: self.bounds,
            counts: self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect(),
            sum: self.sum.load(Ordering::Relaxed),
        }
    }
}

/// The live counters behind [`StoreStats`].
#[derive(Debug)]
pub(crate) struct Counters {
    commits: AtomicU64,
    commit_bytes: AtomicU64,
    synced_groups: AtomicU64,
    batch_bytes: Histogram,
    group_commits: Histogram,
    sync_micros: Histogram,
}

impl Counters {
    pub(crate) fn new() -> Self {
        Self {
            commits: AtomicU64::new(0),
            commit_bytes: AtomicU64::new(0),
            synced_groups: AtomicU64::new(0),
            batch_bytes: Histogram::new(BATCH_BYTES_BOUNDS),
            group_commits: Histogram::new(GROUP_COMMITS_BOUNDS),
            sync_micros: Histogram::new(SYNC_MICROS_BOUNDS),
        }
    }

    /// Counts one applied commit.
    pub(crate) fn committed(&self, bytes: usize) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.commit_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.batch_bytes.observe(bytes as u64);
    }

    /// Counts one successful sync.
    pub(crate) fn synced(&self, commits: u64, took: Duration) {
        self.synced_groups.fetch_add(1, Ordering::Relaxed);
        self.group_commits.observe(commits);
        self.sync_micros.observe(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    /// Takes a snapshot; what the engine alone knows is left at zero.
    pub(crate) fn snapshot(&self) -> StoreStats {
        StoreStats {
            commits: self.commits.load(Ordering::Relaxed),
            commit_bytes: self.commit_bytes.load(Ordering::Relaxed),
            synced_groups: self.synced_groups.load(Ordering::Relaxed),
            batch_bytes: self.batch_bytes.snapshot(),
            group_commits: self.group_commits.snapshot(),
            sync_micros: self.sync_micros.snapshot(),
            shards_open: 0,
            is_lost: false,
            write_buffer_bytes: 0,
            block_cache_bytes: 0,
            background_errors: 0,
            is_write_stopped: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Histogram;

    #[test]
    fn an_observation_falls_into_the_first_bucket_that_holds_it() {
        let histogram = Histogram::new(&[10, 20]);
        for value in [0, 10, 11, 20, 21, 1_000] {
            histogram.observe(value);
        }
        let snapshot = histogram.snapshot();
        assert_eq!(snapshot.counts, [2, 2, 2]);
        assert_eq!(snapshot.sum, 1_062);
    }
}
