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
    warned_at: Option<Instant>,
    /// Since then.
    unsaid: u64,
}

impl NotAllowed {
    pub(super) fn new(metrics: &ConnectionMetrics) -> Self {
        Self { counter: metrics.not_allowed.clone(), warned_at: None, unsaid: 0 }
    }

    /// Notes one that is closed.
    pub(super) fn note(&mut self, listener: &ListenerConfig, peer: Peer) {
        self.counter.inc();
        let now = clock::instant();
        let is_recent = |at: Instant| now.duration_since(at) < WARNING_INTERVAL;
        if self.warned_at.is_some_and(is_recent) {
            self.unsaid += 1;
            return;
        }
        let setting = format!("{}allow_networks", listener.section());
        let others = std::mem::take(&mut self.unsaid);
        warn!(%peer, others, "closed a connection from a network that is not in `{setting}`");
        self.warned_at = Some(now);
    }
}
