//! The writer of a shard that changes rarely: one commit after the other, each durable before the next.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use sluice_store::{Batch, Shard};

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
        let shard = Arc::clone(&self.shard);
        let commit = move || {
            let ticket = shard.lock().unwrap_or_else(PoisonError::into_inner).commit(batch);
            ticket.wait()
        };
        // The write may wait for the disk as well as the sync. The next change waits for both.
        self.watch.begin();
        let committed = tokio::task::spawn_blocking(commit).await;
        self.watch.end();
        let fault: Box<dyn Error + Send> = match committed {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(lost)) => Box::new(lost),
            Err(panicked) => Box::new(panicked),
        };
        self.health.fail(&*fault);
        Err(NotDurable)
    }
}
