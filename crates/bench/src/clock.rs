//! The only place of this crate that reads a clock.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Reads the monotonic clock, by which everything is measured.
#[expect(clippy::disallowed_methods, reason = "this is the module that may read the clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Time of day for signatures, names and reports.
#[expect(clippy::disallowed_methods, reason = "this is the module that may read the clock")]
pub(crate) fn unix_secs() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
