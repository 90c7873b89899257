//! The traits that every storage engine implements.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use crate::{Batch, CommitTicket, Space, SpaceLeft, StoreError, StoreStats};

/// Names a shard: the unit that has exactly one writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShardId(pub u16);

/// A key and its value, as scans return them.
pub type Row = (Vec<u8>, Bytes);

/// A durable store of many shards.
pub trait Store: Send + Sync + 'static {
    /// Opens the one writer of a shard; a shard never written is empty.
    ///
    /// # Errors
    /// [`StoreError::ShardTaken`] while an earlier writer of the shard lives.
    fn open_shard(&self, shard: ShardId) -> Result<Box<dyn Shard>, StoreError>;

    /// Says whether the disk still has its reserve; cheap, at most a second old.
    fn space_left(&self) -> SpaceLeft;

    /// Says whether the store failed only because a write found no space.
    fn is_lost_to_full_disk(&self) -> bool;

    /// Says whether the store failed only because a write found no space, and there is space again: then what is on the
    /// disk is known, and opening the store anew recovers it. Writes to the disk to find out.
    fn can_be_reopened(&self) -> bool;

    /// Takes a snapshot of the store's counters.
    fn stats(&self) -> StoreStats;

    /// Makes everything committed durable and takes no more commits; later ones are lost.
    ///
    /// Closing a closed store does nothing.
    ///
    /// # Errors
    /// [`StoreError::Lost`] if the last commits are not known to be durable.
    fn close(&self) -> Result<(), StoreError>;
}

/// The single writer of a shard; dropping it releases the shard.
pub trait Shard: Send {
    /// Applies a batch atomically and in order; readers see it when this returns.
    ///
    /// Never waits for the disk to sync. A batch that is not applied at all has a ticket that is lost.
    /// An empty batch's ticket is durable as soon as all earlier commits are.
    fn commit(&mut self, batch: Batch) -> CommitTicket;

    /// Returns a reader of this shard, usable from any thread.
    fn reader(&self) -> Arc<dyn Reader>;

    /// Sees to it that no file holds rows of this shard that were removed or replaced. Waits for the disk, and writes all that
    /// is in memory: for what has to be gone, not for what may go.
    ///
    /// # Errors
    /// [`StoreError`]: the rows are removed, but may be in files until the store gets rid of them in its own time.
    fn erase_removed(&mut self) -> Result<(), StoreError>;
}

/// Reads one shard; sees every commit that was submitted, durable or not.
pub trait Reader: Send + Sync {
    /// Returns the value of `key`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] or [`StoreError::Engine`] if the value cannot be read.
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreError>;

    /// Returns the values of `keys`, in their order.
    ///
    /// # Errors
    /// As [`Reader::get`]; one unreadable value fails all.
    fn multi_get(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>, StoreError>;

    /// Returns the first `limit` rows of `range` in key order; an inverted range is empty.
    ///
    /// # Errors
    /// As [`Reader::get`].
    fn scan(&self, space: Space, range: Range<&[u8]>, limit: usize)
    -> Result<Vec<Row>, StoreError>;
}
