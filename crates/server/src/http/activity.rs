//! What a connection is doing, and whether it has been at it for too long.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::clock::{self, Instant};

use super::limits::{Limits, WRITE_PROGRESS_BYTES};

/// In place of a time: does not apply now.
const NEVER: u64 = u64::MAX;

/// Shared by the two halves of one connection: the stream notes bytes, the service requests.
/// All on one task or few, so the atomics are not contended.
#[derive(Debug)]
pub(super) struct Activity {
    opened: Instant,
    is_http2: AtomicBool,
    requests_open: AtomicUsize,
    idle_since_ms: AtomicU64,
    head_since_ms: AtomicU64,
    write_blocked_since_ms: AtomicU64,
    written_while_blocked: AtomicU64,
    is_body_unread: AtomicBool,
}

/// Why a connection is closed by the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overdue {
    /// The request head did not arrive in time.
    Head,
    /// There was no request for too long.
    Idle,
    /// The client does not read its response.
    Write,
}

/// State of a connection at one moment; times in ms since it was opened.
#[derive(Debug, Clone, Copy)]
struct Snapshot {
    requests_open: usize,
    idle_since_ms: u64,
    head_since_ms: u64,
    write_blocked_since_ms: u64,
}

impl Activity {
    /// A connection that was just opened and owes its first request head.
    pub(super) fn new() -> Self {
        Self {
            opened: clock::instant(),
            is_http2: AtomicBool::new(false),
            requests_open: AtomicUsize::new(0),
            idle_since_ms: AtomicU64::new(0),
            head_since_ms: AtomicU64::new(0),
            write_blocked_since_ms: AtomicU64::new(NEVER),
            written_while_blocked: AtomicU64::new(0),
            is_body_unread: AtomicBool::new(false),
        }
    }

    /// Notes the start of a request; the guard notes its end.
    pub(super) fn begin_request(&self, version: http::Version) {
        self.is_http2.store(version == http::Version::HTTP_2, Ordering::Relaxed);
        self.requests_open.fetch_add(1, Ordering::Relaxed);
        self.head_since_ms.store(NEVER, Ordering::Relaxed);
    }

    /// Notes that a request was answered or given up.
    pub(super) fn end_request(&self) {
        self.idle_since_ms.store(self.now_ms(), Ordering::Relaxed);
        self.requests_open.fetch_sub(1, Ordering::Relaxed);
    }

    /// Notes that bytes arrived. On an idle HTTP/1 connection a request head begins with them;
    /// on HTTP/2 they may as well be the answer to a ping.
    pub(super) fn note_read(&self) {
        if self.requests_open.load(Ordering::Relaxed) == 0
            && self.head_since_ms.load(Ordering::Relaxed) == NEVER
            && !self.is_http2.load(Ordering::Relaxed)
        {
            self.head_since_ms.store(self.now_ms(), Ordering::Relaxed);
        }
    }

    /// Notes that the client does not take more bytes now.
    pub(super) fn note_write_blocked(&self) {
        if self.write_blocked_since_ms.load(Ordering::Relaxed) == NEVER {
            self.written_while_blocked.store(0, Ordering::Relaxed);
            self.write_blocked_since_ms.store(self.now_ms(), Ordering::Relaxed);
        }
    }

    /// Notes bytes that the client took.
    pub(super) fn note_written(&self, bytes: usize) {
        if self.write_blocked_since_ms.load(Ordering::Relaxed) == NEVER {
            return;
        }
        let written =
            self.written_while_blocked.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        if written >= WRITE_PROGRESS_BYTES {
            self.note_flushed();
        }
    }

    /// Notes that nothing waits to be written.
    pub(super) fn note_flushed(&self) {
        self.write_blocked_since_ms.store(NEVER, Ordering::Relaxed);
    }

    /// Notes that the answer does not wait for the rest of the request body.
    pub(super) fn note_body_unread(&self) {
        self.is_body_unread.store(true, Ordering::Relaxed);
    }

    /// Whether the client may still be sending a body that nobody reads.
    pub(super) fn is_body_unread(&self) -> bool {
        self.is_body_unread.load(Ordering::Relaxed)
    }

    /// Whether no request has been open for this long.
    pub(super) fn is_idle_for(&self, time: Duration) -> bool {
        let idle_ms = self.now_ms().saturating_sub(self.idle_since_ms.load(Ordering::Relaxed));
        self.requests_open.load(Ordering::Relaxed) == 0 && u128::from(idle_ms) >= time.as_millis()
    }

    /// Judges the connection now.
    pub(super) fn overdue(&self, limits: &Limits) -> Option<Overdue> {
        let snapshot = Snapshot {
            requests_open: self.requests_open.load(Ordering::Relaxed),
            idle_since_ms: self.idle_since_ms.load(Ordering::Relaxed),
            head_since_ms: self.head_since_ms.load(Ordering::Relaxed),
            write_blocked_since_ms: self.write_blocked_since_ms.load(Ordering::Relaxed),
        };
        overdue(snapshot, self.now_ms(), limits)
    }

    fn now_ms(&self) -> u64 {
        let elapsed = clock::instant().duration_since(self.opened);
        u64::try_from(elapsed.as_millis()).unwrap_or(NEVER - 1)
    }
}

fn overdue(snapshot: Snapshot, now_ms: u64, limits: &Limits) -> Option<Overdue> {
    // `NEVER` is so late that nothing is ever due from it on.
    let is_past = |since_ms: u64, limit: Duration| {
        u128::from(now_ms.saturating_sub(since_ms)) >= limit.as_millis().max(1)
    };
    if is_past(snapshot.write_blocked_since_ms, limits.write_timeout) {
        return Some(Overdue::Write);
    }
    if snapshot.requests_open > 0 {
        return None;
    }
    if is_past(snapshot.head_since_ms, limits.head_timeout) {
        return Some(Overdue::Head);
    }
    is_past(snapshot.idle_since_ms, limits.idle_timeout).then_some(Overdue::Idle)
}

#[cfg(test)]
mod tests {
    use super::super::limits::test_limits;
    use super::*;

    const QUIET: Snapshot = Snapshot {
        requests_open: 0,
        idle_since_ms: 0,
        head_since_ms: NEVER,
        write_blocked_since_ms: NEVER,
    };

    fn limits() -> Limits {
        Limits {
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(100),
            write_timeout: Duration::from_secs(30),
            ..test_limits()
        }
    }

    #[test]
    fn an_idle_connection_is_closed_after_the_idle_timeout_only() {
        assert_eq!(overdue(QUIET, 99_999, &limits()), None);
        assert_eq!(overdue(QUIET, 100_000, &limits()), Some(Overdue::Idle));
    }

    #[test]
    fn a_head_that_has_begun_is_due_sooner() {
        let state = Snapshot { head_since_ms: 5_000, ..QUIET };
        assert_eq!(overdue(state, 14_999, &limits()), None);
        assert_eq!(overdue(state, 15_000, &limits()), Some(Overdue::Head));
    }

    #[test]
    fn an_open_request_is_not_judged_by_head_and_idle_time() {
        let state = Snapshot { requests_open: 1, head_since_ms: 0, ..QUIET };
        assert_eq!(overdue(state, 1_000_000, &limits()), None);
    }

    #[test]
    fn a_client_that_does_not_read_is_cut_off_even_with_requests_open() {
        let state = Snapshot { requests_open: 3, write_blocked_since_ms: 1_000, ..QUIET };
        assert_eq!(overdue(state, 30_999, &limits()), None);
        assert_eq!(overdue(state, 31_000, &limits()), Some(Overdue::Write));
    }

    #[test]
    fn reading_a_little_is_not_progress_but_reading_enough_is() {
        let activity = Activity::new();
        activity.note_write_blocked();
        activity.note_written(100);
        assert_ne!(activity.write_blocked_since_ms.load(Ordering::Relaxed), NEVER);
        activity.note_written(WRITE_PROGRESS_BYTES as usize);
        assert_eq!(activity.write_blocked_since_ms.load(Ordering::Relaxed), NEVER);
    }

    #[test]
    fn bytes_on_an_idle_connection_begin_a_head_on_http1_only() {
        let activity = Activity::new();
        activity.begin_request(http::Version::HTTP_2);
        activity.end_request();
        activity.note_read();
        assert_eq!(activity.head_since_ms.load(Ordering::Relaxed), NEVER);
        activity.begin_request(http::Version::HTTP_11);
        activity.end_request();
        activity.note_read();
        assert_ne!(activity.head_since_ms.load(Ordering::Relaxed), NEVER);
    }
}
