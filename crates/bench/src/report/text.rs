//! The report as a table and some sentences.

use std::collections::BTreeMap;

use crate::recorder::Totals;
use crate::statistics::{PERCENTILES, Spread};

use super::{Measures, ORDER, Report};

impl Report {
    /// Rows of a table, headings first: a row for each operation.
    pub fn table(&self) -> Vec<Vec<String>> {
        let mut headings: Vec<String> =
            ["", "messages/s", "requests/s"].map(str::to_owned).to_vec();
        headings.extend(PERCENTILES.map(|(name, _)| format!("{name} ms")));
        headings.push("max ms".to_owned());
        let mut rows = vec![headings];
        for name in ORDER {
            let Some(operations) = self.summary.operations.get(name) else { continue };
            let rate = |spread: Option<Spread>| spread.map_or("-".into(), |s| whole(s.median));
            let mut row = vec![name.to_owned()];
            row.push(rate(operations.messages_per_s));
            row.push(rate(operations.requests_per_s));
            let latency = operations.latency_ms.iter().flat_map(|latency| latency.columns());
            row.extend(latency.map(|millis| format!("{millis:.2}")));
            rows.push(row);
        }
        rows
    }

    /// What the table does not say, a line each; the last says what failed.
    pub fn lines(&self) -> Vec<String> {
        let summary = &self.summary;
        let of = self.throughput_of;
        let mut lines = vec![format!(
            "throughput: {} messages/s ({of})",
            with_range(summary.messages_per_s, 0)
        )];
        if self.repetitions.len() > 1 {
            lines.push(format!(
                "{} repetitions: medians (least to most); latencies of all of them together",
                self.repetitions.len()
            ));
        }
        if let Some(server) = &summary.server {
            lines.push(format!(
                "server: {} µs of CPU time per request, {} per message, {} cores, {} MB resident, at most {}",
                with_range(server.cpu_us_per_request, 1),
                with_range(server.cpu_us_per_message, 1),
                with_range(server.cores, 2),
                with_range(server.resident_mb, 0),
                with_range(server.peak_mb, 0),
            ));
        }
        if let (Some(generator), Measures::Run(options)) = (&summary.generator, &self.options) {
            lines.push(format!(
                "load generator: {} µs of CPU time per request, {} cores of {} (at all of them it measures itself)",
                with_range(generator.cpu_us_per_request, 1),
                with_range(generator.cores, 2),
                options.threads,
            ));
        }
        if let Some(floor) = &summary.floor {
            lines.push(format!(
                "null endpoint: {} requests/s; share of it: {} %",
                with_range(floor.requests_per_s, 0),
                with_range(floor.share.times(100.0), 1),
            ));
            if floor.totals.failed > 0 {
                lines.push(format!("null endpoint: {}", failed(&floor.totals, &floor.failures)));
            }
        }
        let Totals { sent, received, deleted, empty_receives, .. } = summary.totals;
        lines.push(format!(
            "in all: {sent} sent, {received} received, {deleted} deleted, {empty_receives} empty receives"
        ));
        lines.push(failed(&summary.totals, &summary.failures));
        lines
    }
}

fn failed(totals: &Totals, failures: &BTreeMap<String, u64>) -> String {
    if failures.is_empty() {
        return "failed: none".to_owned();
    }
    let kinds: Vec<String> =
        failures.iter().map(|(kind, count)| format!("{count} × {kind}")).collect();
    format!("failed: {} ({})", totals.failed, kinds.join("; "))
}

fn with_range(spread: Spread, digits: usize) -> String {
    let Spread { median, min, max } = spread;
    if (max - min).abs() < f64::EPSILON {
        return format!("{median:.digits$}");
    }
    format!("{median:.digits$} ({min:.digits$} to {max:.digits$})")
}

fn whole(value: f64) -> String {
    format!("{value:.0}")
}
