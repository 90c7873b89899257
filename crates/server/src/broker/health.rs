//! Whether the store can still be trusted. One failure anywhere is final until the server is started again.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Shared between the shards, the catalog and the health endpoint.
#[derive(Debug, Clone, Default)]
pub(super) struct Health {
    has_failed: Arc<AtomicBool>,
}

impl Health {
    pub(super) fn is_good(&self) -> bool {
        !self.has_failed.load(Ordering::Acquire)
    }

    /// Records a fault; the first one is logged with its causes.
    pub(super) fn fail(&self, fault: &dyn Error) {
        if self.has_failed.swap(true, Ordering::AcqRel) {
            return;
        }
        let mut causes = String::new();
        let mut next = fault.source();
        while let Some(cause) = next {
            causes.push_str(": ");
            causes.push_str(&cause.to_string());
            next = cause.source();
        }
        tracing::error!(
            "the store failed and every shard stops: {fault}{causes}; acknowledged messages are on disk: mend the cause and start the server again"
        );
    }
}
