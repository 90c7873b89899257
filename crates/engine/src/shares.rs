//! How much of the consumers' work a tenant takes: messages in flight, now and on average over the recent past.
//!
//! A message in flight is a consumer at work, so the average number of messages in flight is the processing time per
//! unit of time, and two averages compare as two shares of the consumers' time. Old times count less and less.

/// A moment this long ago counts half as much as now. Not published by AWS.
const HALF_LIFE_MS: u64 = 60_000;
/// A tenant with fewer messages in flight is not noisy by their number (contract §6).
const NOISY_IN_FLIGHT_MIN: usize = 30;
/// Above this share of messages in flight, or of processing time, a tenant is noisy (contract §6).
const NOISY_SHARE: f64 = 0.10;
/// Below this one of both it is quiet again. AWS says "comparable with quiet tenants"; half keeps the mark from
/// coming and going.
const QUIET_SHARE: f64 = NOISY_SHARE / 2.0;

/// A number of messages in flight, averaged over the recent past.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Average {
    value: f64,
    at_ms: u64,
}

impl Average {
    /// Where the past is not known it is taken to have been as the present.
    pub(crate) fn start(in_flight: usize, now_ms: u64) -> Self {
        Self { value: in_flight as f64, at_ms: now_ms }
    }

    /// The average at `now_ms`, with so many in flight since it was last brought up to date.
    pub(crate) fn at(self, in_flight: usize, now_ms: u64) -> f64 {
        let in_flight = in_flight as f64;
        let elapsed_ms = now_ms.saturating_sub(self.at_ms);
        let weight = (-(elapsed_ms as f64) / HALF_LIFE_MS as f64).exp2();
        in_flight + (self.value - in_flight) * weight
    }

    /// Brings it up to date; due before the number of messages in flight changes.
    pub(crate) fn update(&mut self, in_flight: usize, now_ms: u64) {
        if now_ms > self.at_ms {
            *self = Self { value: self.at(in_flight, now_ms), at_ms: now_ms };
        }
    }
}

/// What a tenant, or all of them together, takes of the consumers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Messages in flight now.
    pub(crate) in_flight: usize,
    /// Messages in flight on average.
    pub(crate) average: f64,
}

impl Load {
    /// Whether a quiet tenant is noisy from now on.
    pub(crate) fn is_noise(self, all: Self) -> bool {
        let by_number = self.in_flight >= NOISY_IN_FLIGHT_MIN
            && self.in_flight as f64 > NOISY_SHARE * all.in_flight as f64;
        by_number || self.average > NOISY_SHARE * all.average
    }

    /// Whether a noisy tenant's shares are as small as those of quiet ones. Shares of nothing say nothing.
    pub(crate) fn is_quiet(self, all: Self) -> bool {
        let by_number = (self.in_flight as f64) < QUIET_SHARE * all.in_flight as f64
            || (self.in_flight == 0 && all.average > 0.0);
        by_number && self.average < QUIET_SHARE * all.average
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(in_flight: usize, average: f64) -> Load {
        Load { in_flight, average }
    }

    #[test]
    fn an_average_forgets_by_half_each_minute() {
        let mut average = Average::start(0, 0);
        assert!((average.at(8, 60_000) - 4.0).abs() < 1e-9);
        average.update(8, 60_000);
        average.update(8, 120_000);
        assert!((average.at(8, 120_000) - 6.0).abs() < 1e-9);
        assert!((average.at(0, 180_000) - 3.0).abs() < 1e-9);
    }

    #[test]
    fn a_clock_that_goes_back_changes_nothing() {
        let mut average = Average::start(4, 60_000);
        average.update(0, 10);
        assert!((average.at(4, 60_000) - 4.0).abs() < 1e-9);
    }

    #[test]
    fn thirty_in_flight_and_a_tenth_of_all_are_noise() {
        let calm = 100.0;
        assert!(load(30, 0.0).is_noise(load(299, calm)));
        assert!(!load(30, 0.0).is_noise(load(300, calm)), "exactly a tenth");
        assert!(!load(29, 0.0).is_noise(load(29, calm)), "too few");
    }

    #[test]
    fn a_tenth_of_the_processing_time_is_noise() {
        assert!(load(1, 1.01).is_noise(load(1, 10.0)));
        assert!(!load(1, 1.0).is_noise(load(1, 10.0)));
        assert!(!load(0, 0.0).is_noise(load(0, 0.0)));
    }

    #[test]
    fn both_shares_have_to_fall_by_half_for_a_tenant_to_be_quiet_again() {
        assert!(load(4, 0.4).is_quiet(load(100, 10.0)));
        assert!(load(0, 0.4).is_quiet(load(0, 10.0)));
        assert!(!load(6, 0.4).is_quiet(load(100, 10.0)));
        assert!(!load(4, 0.6).is_quiet(load(100, 10.0)));
        assert!(!load(0, 0.0).is_quiet(load(0, 0.0)), "nothing is known after a restart");
    }
}
