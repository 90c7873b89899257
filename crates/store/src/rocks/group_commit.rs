//! Group commit: one sync of the log makes every commit durable that was written before it.
//!
//! Whoever waits for a commit syncs the log itself, unless somebody does so already: then it waits for its turn, and
//! mostly finds its own commit covered.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::database::Database;
use crate::StoreError;
use crate::ticket::Durability;

/// What has been written and not synced, and whose turn it is to sync.
#[derive(Debug, Default)]
pub(super) struct GroupCommit {
    turn: Mutex<()>,
    commits_pending: AtomicU64,
}

impl GroupCommit {
    /// Counts a commit that the next sync makes durable.
    pub(super) fn written(&self) {
        self.commits_pending.fetch_add(1, Ordering::Relaxed);
    }
}

/// The durability of everything up to a sequence number.
pub(super) struct UpTo {
    pub(super) database: Arc<Database>,
    pub(super) sequence: u64,
}

impl Durability for UpTo {
    fn wait(&self) -> Result<(), StoreError> {
        let database = &*self.database;
        if database.is_synced(self.sequence) {
            return Ok(());
        }
        let group = &database.group_commit;
        let _turn = group.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if database.is_synced(self.sequence) {
            return Ok(());
        }
        // Before the sync: a commit that is counted is written.
        let commits = group.commits_pending.swap(0, Ordering::Relaxed);
        database.sync_group(commits)
    }
}
