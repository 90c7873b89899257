//! When something starts, and from when on its latency counts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The measured time, after a warm-up that begins at `start`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) start: Instant,
    pub(crate) from: Instant,
    pub(crate) to: Instant,
}

impl Window {
    pub(crate) fn new(start: Instant, warm_up: Duration, duration: Duration) -> Self {
        let from = start + warm_up;
        Self { start, from, to: from + duration }
    }

    pub(crate) fn contains(&self, moment: Instant) -> bool {
        self.from <= moment && moment < self.to
    }
}

/// Hands out the moments at which to start.
#[derive(Debug)]
pub(crate) enum Schedule {
    /// Closed loop: whenever a connection is free.
    WhenFree,
    /// Open loop: at fixed moments, whether or not the endpoint keeps up. A start that comes late, because no connection
    /// was free, still counts from the moment it was meant for; otherwise a slow endpoint would hide its own queue
    /// (coordinated omission).
    AtRate { starts_per_sec: f64, next: AtomicU64 },
}

impl Schedule {
    /// `rate` in messages per second, `batch` of which start together.
    pub(crate) fn new(rate: Option<f64>, batch: usize) -> Self {
        match rate {
            None => Self::WhenFree,
            Some(rate) => {
                Self::AtRate { starts_per_sec: rate / batch as f64, next: AtomicU64::new(0) }
            }
        }
    }

    /// The next moment to start at, which may have passed; none when the window is over.
    pub(crate) fn next(&self, window: &Window, now: Instant) -> Option<Instant> {
        let due = match self {
            Self::WhenFree => now,
            Self::AtRate { starts_per_sec, next } => {
                let index = next.fetch_add(1, Ordering::Relaxed);
                window.start + offset(index, *starts_per_sec)
            }
        };
        (due < window.to).then_some(due)
    }

    /// Starts that were due in the window and that nobody came to take.
    pub(crate) fn not_started(&self, window: &Window) -> u64 {
        match self {
            Self::WhenFree => 0,
            Self::AtRate { starts_per_sec, next } => {
                let taken = next.load(Ordering::Relaxed);
                let until = window.to.duration_since(window.start).as_secs_f64();
                // The last start is the last moment before the end.
                let due = (until * starts_per_sec).ceil() as u64;
                due.saturating_sub(taken)
            }
        }
    }
}

/// Computed from the index each time, so that rounding does not add up.
fn offset(index: u64, starts_per_sec: f64) -> Duration {
    Duration::from_secs_f64(index as f64 / starts_per_sec)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window() -> Window {
        Window::new(crate::clock::now(), Duration::from_secs(1), Duration::from_secs(2))
    }

    #[test]
    fn only_the_time_after_the_warm_up_is_measured() {
        let window = window();
        let at = |ms| window.start + Duration::from_millis(ms);
        assert!(!window.contains(at(999)) && window.contains(at(1_000)));
        assert!(window.contains(at(2_999)) && !window.contains(at(3_000)));
    }

    #[test]
    fn an_open_loop_starts_at_fixed_moments_however_late_it_is_asked() {
        let window = window();
        let schedule = Schedule::new(Some(1_000.0), 10);
        let late = window.to + Duration::from_secs(100);
        let offsets: Vec<_> = std::iter::from_fn(|| schedule.next(&window, late))
            .map(|due| due.duration_since(window.start).as_millis())
            .collect();
        assert_eq!(offsets.len(), 300);
        assert_eq!((offsets[0], offsets[1], offsets[299]), (0, 10, 2_990));
    }

    #[test]
    fn starts_that_nobody_took_are_known() {
        let window = window();
        let schedule = Schedule::new(Some(100.0), 1);
        assert_eq!(schedule.not_started(&window), 300);
        for _ in 0..10 {
            schedule.next(&window, window.to);
        }
        assert_eq!(schedule.not_started(&window), 290);
        while schedule.next(&window, window.to).is_some() {}
        assert_eq!(schedule.not_started(&window), 0);
    }

    #[test]
    fn rounding_does_not_add_up() {
        let third = offset(3_000_000, 3.0);
        assert_eq!(third, Duration::from_secs(1_000_000));
    }

    #[test]
    fn a_closed_loop_starts_now_until_the_end() {
        let (window, schedule) = (window(), Schedule::new(None, 1));
        let last = window.to - Duration::from_nanos(1);
        assert_eq!(schedule.next(&window, last), Some(last));
        assert_eq!(schedule.next(&window, window.to), None);
    }
}
