//! Depth, age and traffic of queues. The number of series is bounded, whatever the number of queues.

use std::fmt;

use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::store::gauge;
use crate::broker::QueueMetrics;

/// Queues with series of their own, first by account, region and name. The others are added up
/// under the queue name [`OTHER_QUEUES`], which no queue can have.
const QUEUES_WITH_SERIES_MAX: usize = 500;

/// Label of what is added up. Empty account and region go with it.
const OTHER_QUEUES: &str = "(other)";

/// One line per metric: name, help, kind, and where its value comes from.
struct Column {
    name: &'static str,
    help: &'static str,
    kind: MetricType,
    value: fn(&QueueSeries) -> u64,
}

const COLUMNS: &[Column] = &[
    Column {
        name: "messages_visible",
        help: "Messages that can be received now",
        kind: MetricType::Gauge,
        value: |series| series.visible,
    },
    Column {
        name: "messages_in_flight",
        help: "Messages received and neither deleted nor visible again",
        kind: MetricType::Gauge,
        value: |series| series.in_flight,
    },
    Column {
        name: "messages_delayed",
        help: "Messages that wait for their delay to end",
        kind: MetricType::Gauge,
        value: |series| series.delayed,
    },
    Column {
        name: "oldest_message_age_seconds",
        help: "Age of the oldest message that is not deleted; 0 when there is none",
        kind: MetricType::Gauge,
        value: |series| series.oldest_age_secs,
    },
    Column {
        name: "noisy_groups",
        help: "Noisy message groups of standard queues",
        kind: MetricType::Gauge,
        value: |series| series.noisy_groups,
    },
    Column {
        name: "messages_visible_in_quiet_groups",
        help: "Messages that can be received now, without those of noisy groups",
        kind: MetricType::Gauge,
        value: |series| series.visible_in_quiet_groups,
    },
    Column {
        name: "messages_in_flight_in_quiet_groups",
        help: "Messages received and neither deleted nor visible again, without those of noisy groups",
        kind: MetricType::Gauge,
        value: |series| series.in_flight_in_quiet_groups,
    },
    Column {
        name: "oldest_message_age_in_quiet_groups_seconds",
        help: "Age of the oldest message that is not deleted, without those of noisy groups; 0 when there is none",
        kind: MetricType::Gauge,
        value: |series| series.oldest_age_in_quiet_groups_secs,
    },
    Column {
        name: "messages_sent",
        help: "Messages sent since the server started",
        kind: MetricType::Counter,
        value: |series| series.sent,
    },
    Column {
        name: "messages_received",
        help: "Messages returned by receives since the server started",
        kind: MetricType::Counter,
        value: |series| series.received,
    },
    Column {
        name: "messages_deleted",
        help: "Messages deleted by consumers since the server started",
        kind: MetricType::Counter,
        value: |series| series.deleted,
    },
    Column {
        name: "empty_receives",
        help: "Receives that returned no message since the server started",
        kind: MetricType::Counter,
        value: |series| series.empty_receives,
    },
];

/// The values behind one set of labels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct QueueSeries {
    account: String,
    region: String,
    queue: String,
    visible: u64,
    in_flight: u64,
    delayed: u64,
    oldest_age_secs: u64,
    noisy_groups: u64,
    visible_in_quiet_groups: u64,
    in_flight_in_quiet_groups: u64,
    oldest_age_in_quiet_groups_secs: u64,
    sent: u64,
    received: u64,
    deleted: u64,
    empty_receives: u64,
}

impl QueueSeries {
    fn new(queue: QueueMetrics, now_ms: u64) -> Self {
        let age_secs = |sent_at_ms: u64| now_ms.saturating_sub(sent_at_ms) / 1000;
        Self {
            account: queue.key.account,
            region: queue.key.region,
            queue: queue.key.name,
            visible: queue.visible,
            in_flight: queue.in_flight,
            delayed: queue.delayed,
            oldest_age_secs: queue.oldest_sent_at_ms.map_or(0, age_secs),
            noisy_groups: queue.noisy_groups,
            visible_in_quiet_groups: queue.visible_in_quiet_groups,
            in_flight_in_quiet_groups: queue.in_flight_in_quiet_groups,
            oldest_age_in_quiet_groups_secs: queue
                .oldest_sent_at_ms_in_quiet_groups
                .map_or(0, age_secs),
            sent: queue.sent,
            received: queue.received,
            deleted: queue.deleted,
            empty_receives: queue.empty_receives,
        }
    }

    fn add(&mut self, other: &Self) {
        self.visible += other.visible;
        self.in_flight += other.in_flight;
        self.delayed += other.delayed;
        self.oldest_age_secs = self.oldest_age_secs.max(other.oldest_age_secs);
        self.noisy_groups += other.noisy_groups;
        self.visible_in_quiet_groups += other.visible_in_quiet_groups;
        self.in_flight_in_quiet_groups += other.in_flight_in_quiet_groups;
        self.oldest_age_in_quiet_groups_secs =
            self.oldest_age_in_quiet_groups_secs.max(other.oldest_age_in_quiet_groups_secs);
        self.sent += other.sent;
        self.received += other.received;
        self.deleted += other.deleted;
        self.empty_receives += other.empty_receives;
    }
}

/// Turns what the broker reports into a bounded number of series.
pub(super) fn series(mut queues: Vec<QueueMetrics>, now_ms: u64) -> Vec<QueueSeries> {
    queues.sort_by(|a, b| a.key.cmp(&b.key));
    let mut series: Vec<QueueSeries> =
        queues.into_iter().map(|queue| QueueSeries::new(queue, now_ms)).collect();
    if series.len() > QUEUES_WITH_SERIES_MAX {
        let mut others = QueueSeries { queue: OTHER_QUEUES.to_owned(), ..QueueSeries::default() };
        for other in series.drain(QUEUES_WITH_SERIES_MAX..) {
            others.add(&other);
        }
        series.push(others);
    }
    series
}

/// Writes the series.
pub(super) fn encode(
    series: &[QueueSeries],
    unmeasured: usize,
    encoder: &mut DescriptorEncoder<'_>,
) -> Result<(), fmt::Error> {
    for column in COLUMNS {
        let mut metric = encoder.encode_descriptor(column.name, column.help, None, column.kind)?;
        for one in series {
            let labels = [
                ("account", one.account.as_str()),
                ("region", one.region.as_str()),
                ("queue", one.queue.as_str()),
            ];
            let value = (column.value)(one);
            let family = metric.encode_family(&labels)?;
            match column.kind {
                MetricType::Counter => ConstCounter::new(value).encode(family)?,
                // Gauges are signed in this library.
                _ => ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)).encode(family)?,
            }
        }
    }
    let help = "Queues missing here because their shard, or the disk below it, does not answer";
    gauge(encoder, "queues_unmeasured", help, unmeasured as u64)
}

#[cfg(test)]
mod tests {
    use crate::broker::QueueKey;

    use super::*;

    fn queue(name: String, visible: u64, oldest_sent_at_ms: Option<u64>) -> QueueMetrics {
        let key = QueueKey { account: "000000000000".into(), region: "us-east-1".into(), name };
        QueueMetrics {
            key,
            visible,
            in_flight: 0,
            delayed: 0,
            oldest_sent_at_ms,
            noisy_groups: 0,
            visible_in_quiet_groups: visible,
            in_flight_in_quiet_groups: 0,
            oldest_sent_at_ms_in_quiet_groups: oldest_sent_at_ms,
            sent: 1,
            received: 0,
            deleted: 0,
            empty_receives: 0,
        }
    }

    #[test]
    fn queues_beyond_the_limit_are_added_up() {
        let queues = (0..QUEUES_WITH_SERIES_MAX + 3)
            .map(|number| queue(format!("q{number:04}"), 2, Some(10_000)))
            .collect();
        let series = series(queues, 15_500);
        assert_eq!(series.len(), QUEUES_WITH_SERIES_MAX + 1);
        let others = &series[QUEUES_WITH_SERIES_MAX];
        assert_eq!((others.queue.as_str(), others.visible, others.sent), (OTHER_QUEUES, 6, 3));
        assert_eq!(others.oldest_age_secs, 5);
    }

    #[test]
    fn an_empty_queue_has_age_zero() {
        assert_eq!(series(vec![queue("q".into(), 0, None)], 15_500)[0].oldest_age_secs, 0);
    }
}
