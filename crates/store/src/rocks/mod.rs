//! The RocksDB engine: one database in one data directory, shards as key prefixes.
//!
//! **Group commit.** A commit is written to the write-ahead log's buffer and to memory, without sync, by the
//! thread that submits it. Whoever waits for a ticket syncs the log, which makes all commits durable that were
//! written by then; who comes meanwhile waits for its turn and mostly finds nothing left to do.
//!
//! **Fail-stop.** The first failed write or sync marks the store as lost. RocksDB may try to resume by
//! itself after some errors; that changes nothing here, since nothing is submitted to it any more, and no writer
//! waits within RocksDB, where it would be in the way of that (`Database::write`).
//!
//! **Recovery.** What must hold after a crash: all that was acknowledged is there; of the rest, a prefix.
//! RocksDB 11.8 offers four modes (`db/log_reader.cc`, `db/db_impl/db_impl_open.cc`):
//! - `kPointInTimeRecovery`, its default, stops at the first damage and opens: a flipped bit in the middle
//!   silently drops everything acknowledged after it.
//! - `kSkipAnyCorruptedRecords` opens with holes.
//! - `kAbsoluteConsistency` refuses even a cleanly truncated tail, which every crash may leave.
//! - `kTolerateCorruptedTailRecords` refuses a checksum mismatch and ignores a record cut off by the end of
//!   the file. It is the one in use, but does not suffice: it takes a damaged length in the last 32 KiB for
//!   such an end and drops what follows; it skips a zeroed header up to the next block without a word; it
//!   accepts a truncated older log followed by a newer one; and it refuses a torn record whose pages
//!   reached the disk in part, although nothing acknowledged is missing.
//!
//! Therefore [`wal_check`] reads the logs before RocksDB does and removes those doubts: see there.
//! After an orderly stop the data directory also knows how long the last log and the manifest were.
//! [`manifest_check`] does the same for the manifest, which RocksDB reads as if nothing could be torn.
//! `track_and_verify_wals_in_manifest` adds that a synced, closed log is neither missing nor short.
//!
//! **Not used.** `atomic_flush`: the log is always on, and before a flush is recorded RocksDB syncs all closed
//! logs (`SyncClosedWals`), so the column families cannot come apart; flushing both together would only
//! make more small files. Background error listeners: the crate does not expose them; the counters of
//! [`crate::StoreStats`] and the next commit's failure take their place.

mod background;
mod backup;
mod blob_file;
mod blob_garbage;
mod crc32c;
mod database;
mod deleted_files;
mod engine;
mod group_commit;
mod manifest_check;
mod offline;
mod options;
mod reclaim;
mod shard;
mod sync_mark;
mod torn_tail;
mod wal_check;
mod wal_records;

pub use backup::LiveBackup;
pub use engine::RocksStore;
pub use offline::OfflineStore;
pub use options::RocksOptions;
