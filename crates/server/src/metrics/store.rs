//! What the store did: commits, their size, and how long the disk took to make them safe.

use std::fmt;

use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use sluice_store::{HistogramSnapshot, StoreStats};

/// Writes the metrics of the store.
pub(super) fn encode(
    stats: &StoreStats,
    encoder: &mut DescriptorEncoder<'_>,
) -> Result<(), fmt::Error> {
    counter(encoder, "store_commits", "Batches committed", stats.commits)?;
    counter(
        encoder,
        "store_commit_bytes",
        "Bytes of keys and values in committed batches",
        stats.commit_bytes,
    )?;
    counter(
        encoder,
        "store_background_errors",
        "Failed background writes of the storage engine; anything but zero needs attention",
        stats.background_errors,
    )?;
    histogram(
        encoder,
        "store_sync_duration_seconds",
        "Time to make a group of commits durable",
        &stats.sync_micros,
        1e6,
    )?;
    histogram(
        encoder,
        "store_group_commits",
        "Commits made durable together",
        &stats.group_commits,
        1.0,
    )?;
    histogram(encoder, "store_batch_bytes", "Size of committed batches", &stats.batch_bytes, 1.0)?;
    gauge(encoder, "store_shards_open", "Shards that have a writer", stats.shards_open)?;
    gauge(
        encoder,
        "store_lost",
        "1 when the store failed and takes no more commits",
        u64::from(stats.is_lost),
    )?;
    gauge(
        encoder,
        "store_write_stopped",
        "1 while the engine holds commits back because the disk does not keep up",
        u64::from(stats.is_write_stopped),
    )?;
    gauge(
        encoder,
        "store_write_buffer_bytes",
        "Bytes in memory that are not in table files yet",
        stats.write_buffer_bytes,
    )?;
    gauge(encoder, "store_block_cache_bytes", "Bytes in the block cache", stats.block_cache_bytes)
}

fn counter(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: u64,
) -> Result<(), fmt::Error> {
    let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    ConstCounter::new(value).encode(metric)
}

/// Gauges are signed in the library.
pub(super) fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: u64,
) -> Result<(), fmt::Error> {
    let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)).encode(metric)
}

fn histogram(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    snapshot: &HistogramSnapshot,
    per_unit: f64,
) -> Result<(), fmt::Error> {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
    // The library writes infinity as `+Inf`, and adds the buckets up itself.
    let bounds =
        snapshot.bounds.iter().map(|bound| *bound as f64 / per_unit).chain([f64::INFINITY]);
    let buckets: Vec<(f64, u64)> = bounds.zip(snapshot.counts.iter().copied()).collect();
    let count = snapshot.counts.iter().sum();
    metric.encode_histogram::<NoLabelSet>(snapshot.sum as f64 / per_unit, count, &buckets, None)
}
