//! The in-memory store, its shards and readers.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::faults::Faults;
use super::state::{Map, State, range};
use crate::{
    Batch, CommitTicket, Reader, Row, Shard, ShardId, Space, SpaceLeft, Store, StoreError,
    StoreStats,
};

/// A store in memory, for tests; deterministic, and gone with its last handle.
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
}

impl MemoryStore {
    /// Creates an empty store that syncs every commit at once.
    #[must_use]
    pub fn new() -> Self {
        Self::recovered(Map::new())
    }

    pub(super) fn recovered(content: Map) -> Self {
        Self { state: Arc::new(Mutex::new(State::recovered(content))) }
    }

    /// Returns a handle on the faults of this store.
    #[must_use]
    pub fn faults(&self) -> Faults {
        Faults::new(self.state.clone())
    }

    /// Syncs all commits so far once, even while syncs are held.
    pub fn sync(&self) {
        lock(&self.state).sync();
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Store for MemoryStore {
    fn open_shard(&self, shard: ShardId) -> Result<Box<dyn Shard>, StoreError> {
        if lock(&self.state).shards.insert(shard) {
            Ok(Box::new(MemoryShard { shard, state: self.state.clone() }))
        } else {
            Err(StoreError::ShardTaken { shard })
        }
    }

    fn space_left(&self) -> SpaceLeft {
        if lock(&self.state).is_disk_full { SpaceLeft::Low } else { SpaceLeft::Plenty }
    }

    fn is_lost_to_full_disk(&self) -> bool {
        let state = lock(&self.state);
        state.is_disk_full && state.lost.is_some()
    }

    /// Opening it anew would find nothing.
    fn can_be_reopened(&self) -> bool {
        false
    }

    fn stats(&self) -> StoreStats {
        let state = lock(&self.state);
        StoreStats {
            shards_open: state.shards.len() as u64,
            is_lost: state.lost.is_some(),
            ..state.counters.snapshot()
        }
    }

    fn close(&self) -> Result<(), StoreError> {
        let mut state = lock(&self.state);
        if state.is_closed {
            return Ok(());
        }
        state.sync();
        state.is_closed = true;
        match &state.lost {
            Some(cause) => Err(StoreError::lost(cause.clone())),
            None => {
                state.lose("the store is closed");
                Ok(())
            }
        }
    }
}

struct MemoryShard {
    shard: ShardId,
    state: Arc<Mutex<State>>,
}

impl Shard for MemoryShard {
    fn commit(&mut self, batch: Batch) -> CommitTicket {
        let state = lock(&self.state);
        let released = state.writes_released.clone();
        let is_held = |state: &mut State| state.are_writes_held && state.lost.is_none();
        let state = released.wait_while(state, is_held);
        state.unwrap_or_else(PoisonError::into_inner).commit(self.shard, batch)
    }

    fn reader(&self) -> Arc<dyn Reader> {
        Arc::new(MemoryReader { shard: self.shard, state: self.state.clone() })
    }

    /// Nothing is kept.
    fn erase_removed(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Drop for MemoryShard {
    fn drop(&mut self) {
        lock(&self.state).shards.remove(&self.shard);
    }
}

struct MemoryReader {
    shard: ShardId,
    state: Arc<Mutex<State>>,
}

impl Reader for MemoryReader {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(lock(&self.state).visible.get(&(space, self.shard, key.to_vec())).cloned())
    }

    fn multi_get(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>, StoreError> {
        keys.iter().map(|key| self.get(space, key)).collect()
    }

    fn scan(&self, space: Space, ends: Range<&[u8]>, limit: usize) -> Result<Vec<Row>, StoreError> {
        let state = lock(&self.state);
        let rows = range(&state.visible, space, self.shard, ends.start, ends.end);
        Ok(rows.take(limit).map(|((_, _, key), value)| (key.clone(), value.clone())).collect())
    }
}

/// Locks the state; a panicking test thread does not matter to the others.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
