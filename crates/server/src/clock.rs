//! The only place that reads a clock. Everything else gets the time from here or as an argument.
//!
//! Queues and messages live by the [`Clock`] that the server was started with: a [`SteadyClock`], which goes on when the
//! machine's clock jumps, or a [`VirtualClock`]. What bounds connections and requests takes [`instant`], which is always
//! real; and how old a signature is must be judged by [`SystemClock`] when signatures are verified: a client signs with
//! its own clock, whatever the queues' time is.

mod steady;

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

pub use steady::SteadyClock;

/// A moment on the monotonic clock, for timeouts and durations.
pub use tokio::time::Instant;

/// Tells the time of day. Tests bring their own.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Now, epoch milliseconds.
    fn now_ms(&self) -> u64;

    /// Whether this time may stand still or jump, so that waiting for it has to be bounded by real time.
    fn is_virtual(&self) -> bool {
        false
    }
}

/// The clock of the operating system, as it stands. Queues live by a [`SteadyClock`].
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        u64::try_from(since_epoch().as_millis()).unwrap_or(u64::MAX)
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the module that may read the clock")]
fn since_epoch() -> Duration {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or(Duration::ZERO)
}

/// Reads the monotonic clock.
#[expect(clippy::disallowed_methods, reason = "this is the module that may read the clock")]
pub fn instant() -> Instant {
    Instant::now()
}

/// A clock that stands still or runs, and can be set forward; for tests of what depends on time.
#[derive(Debug)]
pub struct VirtualClock {
    reading: Mutex<Reading>,
}

/// What a [`VirtualClock`] shows.
#[derive(Debug, Clone, Copy)]
struct Reading {
    /// When the clock was last set or stopped, epoch milliseconds.
    set_to_ms: u64,
    /// Since when it has been running; a clock that stands still has no such moment.
    running_since: Option<Instant>,
}

/// Whether time goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Only when the clock is set.
    Frozen,
    /// As fast as real time.
    Running,
}

/// What becomes of the time of a [`VirtualClock`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetTime {
    /// Nothing.
    Keep,
    /// It is set forward by this many milliseconds.
    Forward(u64),
    /// It is set to this time, epoch milliseconds.
    To(u64),
}

impl VirtualClock {
    /// The year 2200; sequence numbers reach some centuries further.
    pub const LATEST_MS: u64 = 7_258_118_400_000;

    /// A frozen clock that shows this time, epoch milliseconds.
    pub fn frozen_at(now_ms: u64) -> Self {
        Self { reading: Mutex::new(Reading { set_to_ms: now_ms, running_since: None }) }
    }

    /// Whether its time goes by.
    pub fn pace(&self) -> Pace {
        self.reading().pace()
    }

    /// Sets time and pace in one go, if the new time is neither before the present one nor after
    /// [`Self::LATEST_MS`]; says whether it did.
    pub fn set(&self, time: SetTime, pace: Option<Pace>) -> bool {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = reading.changed(instant(), time, pace);
        *reading = changed.unwrap_or(*reading);
        changed.is_some()
    }

    fn reading(&self) -> Reading {
        // A reading is replaced as a whole, so a poisoned lock is as good as any.
        *self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reading {
    fn at_ms(self, now: Instant) -> u64 {
        let run = self.running_since.map_or(Duration::ZERO, |since| now.duration_since(since));
        self.set_to_ms.saturating_add(u64::try_from(run.as_millis()).unwrap_or(u64::MAX))
    }

    fn pace(self) -> Pace {
        self.running_since.map_or(Pace::Frozen, |_| Pace::Running)
    }

    /// The reading after a change of its time and pace, if it can be changed so.
    fn changed(self, now: Instant, time: SetTime, pace: Option<Pace>) -> Option<Self> {
        let now_ms = self.at_ms(now);
        let set_to_ms = match time {
            SetTime::Keep => now_ms,
            SetTime::Forward(by_ms) => now_ms.checked_add(by_ms)?,
            SetTime::To(to_ms) => to_ms,
        };
        let is_running = pace.unwrap_or(self.pace()) == Pace::Running;
        let can_be_set =
            time == SetTime::Keep || (now_ms..=VirtualClock::LATEST_MS).contains(&set_to_ms);
        can_be_set.then_some(Self { set_to_ms, running_since: is_running.then_some(now) })
    }
}

impl Clock for VirtualClock {
    fn now_ms(&self) -> u64 {
        self.reading().at_ms(instant())
    }

    fn is_virtual(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_goes_on_where_it_was_stopped_or_set() {
        let begun = instant();
        let after = |secs| begun + Duration::from_secs(secs);
        let change = |reading: Reading, secs, time, pace| {
            reading.changed(after(secs), time, pace).expect("forward")
        };
        let frozen = Reading { set_to_ms: 1_000, running_since: None };
        assert_eq!(frozen.at_ms(after(9)), 1_000);
        let running = change(frozen, 9, SetTime::Keep, Some(Pace::Running));
        assert_eq!(running.at_ms(after(11)), 3_000);
        let advanced = change(running, 11, SetTime::Forward(500), None);
        assert_eq!((advanced.at_ms(after(12)), advanced.pace()), (4_500, Pace::Running));
        let stopped = change(advanced, 12, SetTime::To(9_000), Some(Pace::Frozen));
        assert_eq!((stopped.at_ms(after(99)), stopped.pace()), (9_000, Pace::Frozen));
    }

    #[test]
    fn a_virtual_clock_is_set_neither_back_nor_out_of_range() {
        let clock = VirtualClock::frozen_at(1_000);
        for refused in [
            SetTime::To(999),
            SetTime::To(VirtualClock::LATEST_MS + 1),
            SetTime::Forward(VirtualClock::LATEST_MS),
            SetTime::Forward(u64::MAX),
        ] {
            assert!(!clock.set(refused, Some(Pace::Running)), "{refused:?}");
            assert_eq!((clock.now_ms(), clock.pace()), (1_000, Pace::Frozen));
        }
        assert!(clock.set(SetTime::To(1_000), None));
        assert!(clock.set(SetTime::To(VirtualClock::LATEST_MS), None));
    }
}
