//! The writer of a shard that changes rarely: one commit after the other, each durable before the next.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use sluice_store::{Batch, Shard, StoreError};

use super::health::{Health, Watch};

/// Owns a shard for a task that must not wait for the disk.
pub(crate) struct RareWriter {
    /// Shared with the one commit that is under way, on a thread that may wait.
    shard: Arc<Mutex<Box<dyn Shard>>>,
    health: Health,
    watch: Watch,
}

/// A commit was not made durable, and the store failed with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotDurable;

impl RareWriter {
    /// Takes a shard; `who` is what is said to wait when the disk stands still.
    pub(crate) fn new(shard: Box<dyn Shard>, health: Health, who: &str) -> Self {
        Self { shard: Arc::new(Mutex::new(shard)), watch: health.watch(who), health }
    }

    /// Whether the store is as it should be.
    pub(crate) fn is_good(&self) -> bool {
        self.health.is_good()
    }

    /// Makes a batch durable; an empty one is so already.
    pub(crate) async fn commit(&self, batch: Batch) -> Result<(), NotDurable> {
        if batch.is_empty() {
            return Ok(());
        }
        // The write may wait for the disk as well as the sync. The next change waits for both.
        let committed = self.wait_for(|shard| shard.commit(batch).wait()).await;
        committed.map_err(|fault| {
            self.health.fail(&*fault);
            NotDurable
        })
    }

    /// Sees to it that no file holds what was removed. If that fails, the log says so: it is removed all the same.
    pub(crate) async fn erase_removed(&self) {
        if let Err(error) = self.wait_for(|shard| shard.erase_removed()).await {
            tracing::warn!(%error, "files may hold what was removed, until they are rewritten");
        }
    }

    /// Has something done that waits for the disk, on a thread that may.
    async fn wait_for(
        &self,
        work: impl FnOnce(&mut dyn Shard) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<(), Box<dyn Error + Send>> {
        let shard = Arc::clone(&self.shard);
        let work = move || work(&mut **shard.lock().unwrap_or_else(PoisonError::into_inner));
        self.watch.begin();
        let done = tokio::task::spawn_blocking(work).await;
        self.watch.end();
        match done {
            Ok(Ok(())) => Ok(()),
            Ok(Err(lost)) => Err(Box::new(lost)),
            Err(panicked) => Err(Box::new(panicked)),
        }
    }
}
