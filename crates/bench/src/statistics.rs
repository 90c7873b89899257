//! Numbers out of repetitions and histograms.

use hdrhistogram::Histogram;
use serde::Serialize;

/// Shares of all latencies that reports show.
pub(crate) const PERCENTILES: [(&str, f64); 5] =
    [("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("p99.9", 99.9), ("p99.99", 99.99)];

/// A value over several repetitions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Spread {
    /// The one in the middle, or between the two in the middle.
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// Of at least one value.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or(0.0);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 || middle == 0 {
            at(middle)
        } else {
            f64::midpoint(at(middle - 1), at(middle))
        };
        Self { median, min: at(0), max: at(sorted.len().saturating_sub(1)) }
    }

    /// In another unit.
    pub(crate) fn times(self, factor: f64) -> Self {
        let Self { median, min, max } = self;
        Self { median: median * factor, min: min * factor, max: max * factor }
    }
}

/// What a histogram says, in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Latency {
    pub(crate) count: u64,
    pub(crate) mean: f64,
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    #[serde(rename = "p99.9")]
    pub(crate) p99_9: f64,
    #[serde(rename = "p99.99")]
    pub(crate) p99_99: f64,
    pub(crate) max: f64,
}

impl Latency {
    /// None of an empty histogram.
    pub(crate) fn of(histogram: &Histogram<u64>) -> Option<Self> {
        if histogram.is_empty() {
            return None;
        }
        let at = |percentile| millis(histogram.value_at_percentile(percentile));
        let [p50, p90, p99, p99_9, p99_99] = PERCENTILES.map(|(_, percentile)| at(percentile));
        let mean = histogram.mean() / 1e6;
        let (count, max) = (histogram.len(), millis(histogram.max()));
        Some(Self { count, mean, p50, p90, p99, p99_9, p99_99, max })
    }

    /// In the order of [`PERCENTILES`], then the slowest.
    pub(crate) fn columns(&self) -> [f64; 6] {
        [self.p50, self.p90, self.p99, self.p99_9, self.p99_99, self.max]
    }
}

/// Nanoseconds as milliseconds.
pub(crate) fn millis(nanos: u64) -> f64 {
    nanos as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_does_not_mind_an_outlier() {
        let spread = Spread::of([10.0, 1_000.0, 11.0]);
        assert_eq!(spread, Spread { median: 11.0, min: 10.0, max: 1_000.0 });
        assert_eq!(Spread::of([1.0, 2.0]).median, 1.5);
        assert_eq!(Spread::of([3.0]), Spread { median: 3.0, min: 3.0, max: 3.0 });
    }

    #[test]
    fn percentiles_have_three_digits() {
        let mut histogram = crate::recorder::latencies();
        for micros in 1..=1_000 {
            histogram.record(micros * 1_000).expect("within the bounds");
        }
        let latency = Latency::of(&histogram).expect("it is not empty");
        assert!((latency.p50 - 0.5).abs() < 0.001, "{latency:?}");
        assert!((latency.p99 - 0.99).abs() < 0.001, "{latency:?}");
        assert!((latency.max - 1.0).abs() < 0.001, "{latency:?}");
        assert_eq!(Latency::of(&crate::recorder::latencies()), None);
    }
}
