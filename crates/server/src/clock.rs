//! The only place that reads a clock. Everything else gets the time from here or as an argument.

use std::fmt;
use std::time::Duration;

/// A moment on the monotonic clock, for timeouts and durations.
pub use tokio::time::Instant;

/// Tells the time of day. Tests bring their own.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Now, epoch milliseconds.
    fn now_ms(&self) -> u64;
}

/// The clock of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the module that may read the clock")]
    fn now_ms(&self) -> u64 {
        let since_epoch = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
    }
}

/// Reads the monotonic clock.
#[expect(clippy::disallowed_methods, reason = "this is the module that may read the clock")]
pub fn instant() -> Instant {
    Instant::now()
}
