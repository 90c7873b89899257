//! Counts requests and connections.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::http::Bound;

/// Upper bounds of the request duration buckets, s. The upper end is there for long polls.
const DURATION_SECS_BOUNDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 21.0];

/// How a request ended, in words of which there is a bounded number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Outcome {
    /// Name of the service; empty when the request named none.
    pub(crate) service: &'static str,
    /// Name of the operation; empty when the request named none that exists.
    pub(crate) operation: &'static str,
    /// HTTP status.
    pub(crate) status: u16,
    /// Query code of the error; empty on success.
    pub(crate) code: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabels {
    service: &'static str,
    operation: &'static str,
}

/// Counters of requests.
#[derive(Debug, Clone)]
pub(crate) struct RequestMetrics {
    requests: Family<Outcome, Counter>,
    durations: Family<OperationLabels, Histogram, fn() -> Histogram>,
    in_flight: Family<OperationLabels, Gauge>,
    refused: Arc<[AtomicU64; Bound::ALL.len()]>,
}

/// A request that runs; ends when dropped, also when the client goes away.
#[derive(Debug)]
pub(crate) struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn duration_histogram() -> Histogram {
    Histogram::new(DURATION_SECS_BOUNDS)
}

impl RequestMetrics {
    /// Registers the counters.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(duration_histogram),
            in_flight: Family::default(),
            refused: Arc::default(),
        };
        registry.register(
            "requests",
            "API requests answered, by HTTP status and error code",
            metrics.requests.clone(),
        );
        registry.register(
            "request_duration_seconds",
            "Time from the end of the request head to the answer; \
             ReceiveMessage includes the wait of a long poll",
            metrics.durations.clone(),
        );
        registry.register(
            "requests_in_flight",
            "Requests being answered now; for ReceiveMessage these are mostly long polls",
            metrics.in_flight.clone(),
        );
        metrics
    }

    /// Counts what was refused because of a bound on HTTP.
    pub(crate) fn refused(&self, bound: Bound) {
        self.refused[bound as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Refusals because of a bound on HTTP since the start, by its name.
    pub(super) fn refused_counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let count = |bound: Bound| self.refused[bound as usize].load(Ordering::Relaxed);
        Bound::ALL.iter().map(move |bound| (bound.name(), count(*bound)))
    }

    /// Notes that an operation begins.
    pub(crate) fn begin(&self, service: &'static str, operation: &'static str) -> InFlight {
        let gauge = self.in_flight.get_or_create_owned(&OperationLabels { service, operation });
        gauge.inc();
        InFlight(gauge)
    }

    /// Counts an answered request.
    pub(crate) fn answered(&self, outcome: Outcome, took: Duration) {
        self.requests.get_or_create(&outcome).inc();
        let labels = OperationLabels { service: outcome.service, operation: outcome.operation };
        self.durations.get_or_create(&labels).observe(took.as_secs_f64());
    }
}

/// Writes what was refused, by the bound that was reached.
pub(super) fn encode_refused(
    refused: &[(&'static str, u64)],
    encoder: &mut DescriptorEncoder<'_>,
) -> Result<(), fmt::Error> {
    let help = "Requests and connections refused because there were too many, by the bound reached";
    let mut metric = encoder.encode_descriptor("refused", help, None, MetricType::Counter)?;
    for (bound, count) in refused {
        let labels = [("bound", *bound)];
        ConstCounter::new(*count).encode(metric.encode_family(&labels)?)?;
    }
    Ok(())
}

/// Counters of connections.
#[derive(Debug, Clone, Default)]
pub(crate) struct ConnectionMetrics {
    open: Gauge,
    accepted: Counter,
    /// Connections closed because of where they came from.
    pub(crate) not_allowed: Counter,
    /// TLS handshakes that failed.
    pub(crate) handshakes_failed: Counter,
}

/// A connection that is open until this is dropped.
#[derive(Debug)]
pub(crate) struct OpenConnection(Gauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl ConnectionMetrics {
    /// Registers the counters.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register("connections_open", "Connections open now", metrics.open.clone());
        registry.register(
            "connections_accepted",
            "Connections accepted since the server started",
            metrics.accepted.clone(),
        );
        registry.register(
            "connections_not_allowed",
            "Connections closed because their address is in none of the networks that may connect",
            metrics.not_allowed.clone(),
        );
        registry.register(
            "tls_handshakes_failed",
            "TLS handshakes that failed or took too long",
            metrics.handshakes_failed.clone(),
        );
        metrics
    }

    /// Counts a connection, open until the answer is dropped.
    pub(crate) fn open_connection(&self) -> OpenConnection {
        self.accepted.inc();
        self.open.inc();
        OpenConnection(self.open.clone())
    }
}
