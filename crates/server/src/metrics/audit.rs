//! Counts records of the audit log.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::audit::EventCategory;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Written {
    category: &'static str,
}

/// Counters of the audit log.
#[derive(Debug, Clone, Default)]
pub(crate) struct AuditMetrics {
    written: Family<Written, Counter>,
    /// Records that were lost.
    pub(crate) lost: Counter,
    /// Calls that were refused because they could not have been recorded.
    pub(crate) refused: Counter,
    /// Calls that waited for room for their record.
    pub(crate) waits: Counter,
    /// 1 when the last write failed.
    pub(crate) failing: Gauge,
}

impl AuditMetrics {
    /// Registers the counters.
    pub(super) fn register(&self, registry: &mut Registry) {
        let written = self.written.clone();
        registry.register("audit_records", "Records written to the audit log", written);
        let help = "Records that could not be written to the audit log";
        registry.register("audit_records_lost", help, self.lost.clone());
        let help = "Calls refused because they could not have been recorded in the audit log";
        registry.register("audit_calls_refused", help, self.refused.clone());
        let help = "Calls that waited because the audit log does not keep up";
        registry.register("audit_waits", help, self.waits.clone());
        let help = "1 when the audit log cannot be written";
        registry.register("audit_failing", help, self.failing.clone());
    }

    /// Counts a record that is written.
    pub(crate) fn written(&self, category: EventCategory) {
        self.written.get_or_create(&Written { category: category.name() }).inc();
    }
}
