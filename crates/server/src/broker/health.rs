//! Whether the store can still be trusted. One failure anywhere is final until the server is started again.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Shared between the shards, the catalog and the health endpoint.
#[derive(Debug, Clone, Default)]
pub(super) struct Health {
    has_failed: Arc<AtomicBool>,
    /// Told of the failure; whoever owns the server may wait for it.
    failure: Arc<Notify>,
}

impl Health {
    pub(super) fn is_good(&self) -> bool {
        !self.has_failed.load(Ordering::Acquire)
    }

    /// Waits for the first fault. One may wait at a time.
    pub(super) async fn failed(&self) {
        while self.is_good() {
            self.failure.notified().await;
        }
    }

    /// Records a fault; the first one is logged with its causes.
    pub(super) fn fail(&self, fault: &dyn Error) {
        if self.has_failed.swap(true, Ordering::AcqRel) {
            return;
        }
        self.failure.notify_one();
        let mut causes = String::new();
        let mut next = fault.source();
        while let Some(cause) = next {
            causes.push_str(": ");
            causes.push_str(&cause.to_string());
            next = cause.source();
        }
        tracing::error!(
            "the store failed and every shard stops: {fault}{causes}; acknowledged messages are on disk: mend the cause and start the server again; after a full disk it does so by itself"
        );
    }
}
