//! How fast a move task goes: tokens per second, taken a batch at a time.

use std::time::Duration;

use crate::clock::Instant;

/// Messages of one batch, whatever the rate: a cancellation takes effect between two batches.
const BATCH_MAX: u32 = 100;
/// A batch has the tokens of this part of a second.
const BATCHES_PER_SECOND: u32 = 10;
const SECOND: Duration = Duration::from_secs(1);

/// A bucket that fills at the rate of the task and holds one batch.
#[derive(Debug)]
pub(super) struct Pace {
    batch_max: u32,
    /// Time until the next token; none when there is no rate.
    interval: Duration,
    /// When the bucket has a batch again.
    ready_at: Instant,
}

impl Pace {
    pub(super) fn new(per_second_max: Option<u32>, now: Instant) -> Self {
        let (batch_max, interval) = match per_second_max {
            None => (BATCH_MAX, Duration::ZERO),
            Some(rate) => (
                rate.div_ceil(BATCHES_PER_SECOND).clamp(1, BATCH_MAX),
                SECOND.checked_div(rate).unwrap_or(SECOND),
            ),
        };
        Self { batch_max, interval, ready_at: now }
    }

    /// Messages of the next batch at most.
    pub(super) fn batch_max(&self) -> usize {
        self.batch_max as usize
    }

    /// When the next batch may be moved.
    pub(super) fn ready_at(&self) -> Instant {
        self.ready_at
    }

    /// Takes the tokens of a batch that was begun at a time not before [`Self::ready_at`].
    pub(super) fn spend(&mut self, begun: Instant, moved: u64) {
        let count = u32::try_from(moved).unwrap_or(u32::MAX);
        self.ready_at = begun + self.interval.saturating_mul(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    /// Messages moved within a time, when each batch takes `batch_time` and is full.
    fn moved_within(rate: Option<u32>, time: Duration, batch_time: Duration) -> u64 {
        let start = clock::instant();
        let mut pace = Pace::new(rate, start);
        let (mut now, mut moved) = (start, 0);
        while now < start + time {
            let begun = now.max(pace.ready_at());
            pace.spend(begun, pace.batch_max() as u64);
            moved += pace.batch_max() as u64;
            now = (begun + batch_time).max(pace.ready_at());
        }
        moved
    }

    #[test]
    fn a_rate_is_tokens_per_second_and_not_a_pause_per_message() {
        let batch_time = Duration::from_millis(5);
        for rate in [1, 2, 9, 10, 11, 99, 250, 500] {
            let moved = moved_within(Some(rate), Duration::from_secs(100), batch_time);
            let batch = u64::from(rate.div_ceil(10));
            let expected = u64::from(rate) * 100;
            assert!((expected..=expected + batch).contains(&moved), "{rate}: {moved}");
        }
    }

    #[test]
    fn a_slow_disk_is_not_made_up_for_by_going_faster_than_the_rate() {
        let mut pace = Pace::new(Some(100), clock::instant());
        let later = pace.ready_at() + Duration::from_secs(60);
        pace.spend(later, 10);
        assert_eq!(pace.ready_at(), later + Duration::from_millis(100));
    }

    #[test]
    fn without_a_rate_the_disk_decides() {
        let batch_time = Duration::from_millis(10);
        assert_eq!(moved_within(None, Duration::from_secs(1), batch_time), 10_000);
    }
}
