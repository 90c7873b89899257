//! The faults that a test can inject.

use std::sync::{Arc, Mutex, PoisonError};

use super::engine::MemoryStore;
use super::state::State;

/// Says how much of the un-synced tail a crash leaves; always a prefix, never a hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrashTail {
    /// Nothing that was not synced survives.
    LoseAll,
    /// Everything submitted survives.
    KeepAll,
    /// A prefix survives whose length follows from the seed.
    Seeded(u64),
}

/// A handle on the faults of one [`MemoryStore`]; usable while the store is in use.
#[derive(Clone)]
pub struct Faults {
    state: Arc<Mutex<State>>,
}

impl Faults {
    pub(super) fn new(state: Arc<Mutex<State>>) -> Self {
        Self { state }
    }

    /// Lets the `n`-th commit from now fail (1: the next one); the store is lost then. 0 disarms.
    pub fn fail_next_write(&self, n: u64) {
        self.with(|state| state.failing_write.arm(n));
    }

    /// Lets the `n`-th sync from now fail (1: the next one); the store is lost then. 0 disarms.
    pub fn fail_next_sync(&self, n: u64) {
        self.with(|state| state.failing_sync.arm(n));
    }

    /// Fills the disk up to its reserve, or empties it: commits still succeed, as on a real disk.
    ///
    /// Without any space left, [`Faults::fail_next_write`] comes on top.
    pub fn full_disk(&self, is_full: bool) {
        self.with(|state| state.is_disk_full = is_full);
    }

    /// Keeps the tickets of later commits pending until syncs are released.
    pub fn hold_syncs(&self) {
        self.with(|state| state.are_syncs_held = true);
    }

    /// Syncs what was held, and every commit from now on at once.
    pub fn release_syncs(&self) {
        self.with(|state| {
            state.are_syncs_held = false;
            state.sync();
        });
    }

    /// Lets later commits wait before they are applied, as when a disk does not keep up, until writes are released.
    pub fn hold_writes(&self) {
        self.with(|state| state.are_writes_held = true);
    }

    /// Applies the commits that wait, and every later one at once.
    pub fn release_writes(&self) {
        self.with(|state| {
            state.are_writes_held = false;
            state.writes_released.notify_all();
        });
    }

    /// Ends the store as a power failure would and returns what a restart finds.
    ///
    /// Pending tickets are lost, and so is every later commit to the old store.
    #[must_use]
    pub fn crash(&self, keep_unsynced: CrashTail) -> MemoryStore {
        self.with(|state| {
            let kept = kept_of(state.unsynced_len(), keep_unsynced);
            let content = state.after_crash(kept);
            state.lose("the store crashed (injected)");
            MemoryStore::recovered(content)
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn kept_of(unsynced: usize, tail: CrashTail) -> usize {
    match tail {
        CrashTail::LoseAll => 0,
        CrashTail::KeepAll => unsynced,
        CrashTail::Seeded(seed) => {
            let choices = unsynced as u64 + 1;
            usize::try_from(mix(seed) % choices).unwrap_or(unsynced)
        }
    }
}

/// Spreads neighbouring seeds over all lengths (the finalizer of splitmix64).
fn mix(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
