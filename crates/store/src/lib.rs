//! Durability that does not know what a queue does.
//!
//! A [`Store`] holds ordered keys and values in two [`Space`]s, divided into shards. Each shard has one
//! writer, its [`Shard`], which submits atomic [`Batch`]es; a batch is visible to readers at once, and its
//! [`CommitTicket`] says when it is on stable storage. A store that failed once is lost for good: it answers
//! every later commit with [`StoreError::Lost`] and retries nothing over unknown disk state.
//!
//! Two engines implement the traits: [`RocksStore`] for one machine, [`MemoryStore`] for tests, with
//! injected faults.

mod backup;
mod batch;
mod data_dir;
mod disk_space;
mod error;
mod memory;
mod rocks;
mod stats;
mod store;
mod ticket;

pub use backup::{BackupSize, UnfinishedBackup, restore};
pub use batch::{Batch, Space};
pub use disk_space::SpaceLeft;
pub use error::StoreError;
pub use memory::{CrashTail, Faults, MemoryStore};
pub use rocks::{LiveBackup, OfflineStore, RocksOptions, RocksStore};
pub use stats::{FileSize, FileSizes, HistogramSnapshot, StoreStats};
pub use store::{Reader, Row, Shard, ShardId, Store};
pub use ticket::CommitTicket;
