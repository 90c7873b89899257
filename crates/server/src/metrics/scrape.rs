//! One answer for Prometheus: the counters that are kept, and what is looked at now.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use sluice_store::StoreStats;

use crate::broker::Measured;

use super::audit::AuditMetrics;
use super::queues::{self, QueueSeries};
use super::requests::{ConnectionMetrics, RequestMetrics};
use super::{process, requests, store};

/// Media type of the answer.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Before every name of ours; names of the process follow Prometheus' own convention.
const PREFIX: &str = "sluice";

/// What is looked at when somebody asks.
#[derive(Debug)]
pub(crate) struct Sources {
    /// The queues.
    pub(crate) measured: Measured,
    /// What the broker refused, by bound.
    pub(crate) refusals: Vec<(&'static str, u64)>,
    /// The store.
    pub(crate) store: StoreStats,
    /// Now, epoch milliseconds.
    pub(crate) now_ms: u64,
}

/// Every metric of one server.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    /// Counts requests.
    pub(crate) requests: RequestMetrics,
    /// Counts connections.
    pub(crate) connections: ConnectionMetrics,
}

impl Metrics {
    /// Counters at zero, and those of the audit log, if there is one.
    pub(crate) fn new(audit: Option<&AuditMetrics>) -> Arc<Self> {
        let mut registry = Registry::with_prefix(PREFIX);
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "What was built", build);
        let requests = RequestMetrics::register(&mut registry);
        let connections = ConnectionMetrics::register(&mut registry);
        if let Some(audit) = audit {
            audit.register(&mut registry);
        }
        Arc::new(Self { registry, requests, connections })
    }

    /// Writes everything as OpenMetrics text.
    pub(crate) fn render(&self, sources: Sources) -> Result<String, fmt::Error> {
        let mut observed = Registry::with_prefix(PREFIX);
        let series = queues::series(sources.measured.queues, sources.now_ms);
        let unmeasured = sources.measured.unmeasured;
        let refused = self.requests.refused_counts().chain(sources.refusals).collect();
        observed.register_collector(Box::new(Observed {
            series,
            unmeasured,
            refused,
            store: sources.store,
        }));
        let mut of_process = Registry::default();
        of_process.register_collector(Box::new(Process));

        let mut text = String::new();
        text::encode_registry(&mut text, &self.registry)?;
        text::encode_registry(&mut text, &observed)?;
        text::encode_registry(&mut text, &of_process)?;
        text::encode_eof(&mut text)?;
        Ok(text)
    }
}

#[derive(Debug)]
struct Observed {
    series: Vec<QueueSeries>,
    unmeasured: usize,
    refused: Vec<(&'static str, u64)>,
    store: StoreStats,
}

impl Collector for Observed {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        queues::encode(&self.series, self.unmeasured, &mut encoder)?;
        requests::encode_refused(&self.refused, &mut encoder)?;
        store::encode(&self.store, &mut encoder)
    }
}

#[derive(Debug)]
struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        process::encode(&mut encoder)
    }
}
