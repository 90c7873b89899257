//! Connections from networks that may not connect: counted each, said from time to time.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use tracing::warn;

use crate::clock::{self, Instant};
use crate::config::ListenerConfig;
use crate::metrics::ConnectionMetrics;

use super::socket::Peer;

/// It is said at most this often: who is refused could fill the log.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// See the module.
pub(super) struct NotAllowed {
    counter: Counter,
    warnings: Warnings,
}

impl NotAllowed {
    pub(super) fn new(metrics: &ConnectionMetrics) -> Self {
        Self { counter: metrics.not_allowed.clone(), warnings: Warnings::default() }
    }

    /// Notes one that is closed.
    pub(super) fn note(&mut self, listener: &ListenerConfig, peer: Peer) {
        self.counter.inc();
        if let Some(others) = self.warnings.due(clock::instant()) {
            let setting = format!("{}allow_networks", listener.section());
            warn!(%peer, others, "closed a connection from a network that is not in `{setting}`");
        }
    }
}

/// When something was said.
#[derive(Default)]
struct Warnings {
    said_at: Option<Instant>,
    /// Since then.
    unsaid: u64,
}

impl Warnings {
    /// Whether to say it now; gives how many were passed over before.
    fn due(&mut self, now: Instant) -> Option<u64> {
        let is_recent = |at: Instant| now.duration_since(at) < WARNING_INTERVAL;
        if self.said_at.is_some_and(is_recent) {
            self.unsaid += 1;
            return None;
        }
        self.said_at = Some(now);
        Some(std::mem::take(&mut self.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_said_in_an_interval_and_the_others_are_counted() {
        let mut warnings = Warnings::default();
        let start = clock::instant();
        assert_eq!(warnings.due(start), Some(0));
        let shortly_before = start + WARNING_INTERVAL - Duration::from_millis(1);
        assert_eq!((warnings.due(start), warnings.due(shortly_before)), (None, None));
        assert_eq!(warnings.due(start + WARNING_INTERVAL), Some(2));
        assert_eq!(warnings.due(start + 3 * WARNING_INTERVAL), Some(0));
    }
}
