//! What a connection is doing, and whether it has been at it for too long.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::clock::{self, Instant};

use super::limits::{
    HEAD_BYTES_MAX, HEAD_FREE_BYTES, Limits, RESPONSE_TIMEOUT, SLOW_READER_TIME,
    WRITE_PROGRESS_BYTES,
};
use super::memory::Share;

/// In place of a time: does not apply now.
const NEVER: u64 = u64::MAX;

/// Shared by the two halves of one connection: the stream notes bytes, the service requests.
/// All on one task or few, so the atomics are not contended.
#[derive(Debug)]
pub(super) struct Activity {
    opened: Instant,
    /// Whether all its requests are refused. It has none of the places that there are for served ones.
    is_refused: bool,
    is_http2: AtomicBool,
    has_had_request: AtomicBool,
    requests_open: AtomicUsize,
    /// Bytes of a request head that is not complete.
    head_bytes: AtomicUsize,
    /// What is taken for them. Only heads of unusual size get as far as its lock.
    head_share: Mutex<Share>,
    /// How many responses are held in memory since when, and since when the oldest.
    responses: Mutex<BTreeMap<u64, usize>>,
    response_since_ms: AtomicU64,
    /// Whether there may be bytes of a response that the kernel has not taken.
    is_unwritten: AtomicBool,
    idle_since_ms: AtomicU64,
    head_since_ms: AtomicU64,
    handshake_since_ms: AtomicU64,
    write_blocked_since_ms: AtomicU64,
    written_while_blocked: AtomicU64,
    is_body_unread: AtomicBool,
    close: OnceLock<Close>,
    closing: Notify,
}

/// Why a connection is closed by the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Close {
    /// The TLS handshake was not complete in time.
    Handshake,
    /// The request head did not arrive in time.
    Head,
    /// There is no memory for so long a request head.
    HeadMemory,
    /// There was no request for too long.
    Idle,
    /// The client does not read its response.
    Write,
    /// It is idle, and another needs its place.
    MakeRoom,
}

/// Which connection goes first when one has to: without any request so far, then without one for longest.
pub(super) type EvictionRank = (bool, Instant);

/// State of a connection at one moment; times in ms since it was opened.
#[derive(Debug, Clone, Copy)]
struct Snapshot {
    requests_open: usize,
    idle_since_ms: u64,
    head_since_ms: u64,
    handshake_since_ms: u64,
    write_blocked_since_ms: u64,
    response_since_ms: u64,
}

impl Activity {
    /// A connection that was just opened and owes its first request head, for which nothing is taken yet.
    pub(super) fn new(head_share: Share, is_refused: bool) -> Self {
        Self {
            opened: clock::instant(),
            is_refused,
            is_http2: AtomicBool::new(false),
            has_had_request: AtomicBool::new(false),
            requests_open: AtomicUsize::new(0),
            head_bytes: AtomicUsize::new(0),
            head_share: Mutex::new(head_share),
            responses: Mutex::default(),
            response_since_ms: AtomicU64::new(NEVER),
            is_unwritten: AtomicBool::new(false),
            idle_since_ms: AtomicU64::new(0),
            head_since_ms: AtomicU64::new(0),
            handshake_since_ms: AtomicU64::new(NEVER),
            write_blocked_since_ms: AtomicU64::new(NEVER),
            written_while_blocked: AtomicU64::new(0),
            is_body_unread: AtomicBool::new(false),
            close: OnceLock::new(),
            closing: Notify::new(),
        }
    }

    /// Has the connection closed. The first reason counts.
    pub(super) fn close(&self, reason: Close) {
        if self.close.set(reason).is_ok() {
            self.closing.notify_one();
        }
    }

    /// Waits until the connection is to be closed.
    pub(super) async fn closed(&self) -> Close {
        loop {
            if let Some(reason) = self.close.get() {
                return *reason;
            }
            self.closing.notified().await;
        }
    }

    /// Notes that the connection owes a TLS handshake before anything else. What is read of it counts as a request head.
    pub(super) fn begin_handshake(&self) {
        self.handshake_since_ms.store(self.now_ms(), Ordering::Relaxed);
    }

    /// Notes that the handshake is complete. The first request head is owed from now on.
    pub(super) fn end_handshake(&self) {
        self.clear_head();
        self.head_since_ms.store(self.now_ms(), Ordering::Relaxed);
        self.handshake_since_ms.store(NEVER, Ordering::Relaxed);
    }

    /// Notes that a head is complete. Gives whether it was large.
    fn clear_head(&self) -> bool {
        let is_large = self.head_bytes.swap(0, Ordering::Relaxed) > HEAD_FREE_BYTES;
        if is_large {
            self.head_share.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
        is_large
    }

    /// Notes the start of a request; the guard notes its end. Gives whether its head may be large.
    pub(super) fn begin_request(&self, version: http::Version) -> bool {
        let is_http2 = version == http::Version::HTTP_2;
        self.is_http2.store(is_http2, Ordering::Relaxed);
        self.has_had_request.store(true, Ordering::Relaxed);
        self.requests_open.fetch_add(1, Ordering::Relaxed);
        self.head_since_ms.store(NEVER, Ordering::Relaxed);
        self.clear_head() || is_http2
    }

    /// Notes that a request was answered or given up. The answer is not written yet.
    pub(super) fn end_request(&self) {
        self.is_unwritten.store(true, Ordering::Relaxed);
        self.idle_since_ms.store(self.now_ms(), Ordering::Relaxed);
        self.requests_open.fetch_sub(1, Ordering::Relaxed);
    }

    /// Notes that bytes arrived. On an idle HTTP/1 connection a request head begins with them;
    /// on HTTP/2 they may as well be the answer to a ping. If there is no memory for so long a head, the connection is
    /// closed.
    pub(super) fn note_read(&self, bytes: usize) {
        if self.requests_open.load(Ordering::Relaxed) > 0 || self.is_http2.load(Ordering::Relaxed) {
            return;
        }
        if self.head_since_ms.load(Ordering::Relaxed) == NEVER {
            self.head_since_ms.store(self.now_ms(), Ordering::Relaxed);
        }
        let before = self.head_bytes.fetch_add(bytes, Ordering::Relaxed);
        // In TLS there may be much more around a head than in it; no head takes more than the longest.
        let counted = |bytes: usize| bytes.min(HEAD_BYTES_MAX).saturating_sub(HEAD_FREE_BYTES);
        let (taken, needed) = (counted(before), counted(before + bytes));
        if needed == taken {
            return;
        }
        if !self.head_share.lock().unwrap_or_else(PoisonError::into_inner).grow(needed - taken) {
            self.close(Close::HeadMemory);
        }
    }

    /// Notes that the client speaks HTTP/2.
    pub(super) fn note_http2(&self) {
        self.is_http2.store(true, Ordering::Relaxed);
    }

    /// Notes that a response is held in memory for the client. Gives since when, to be told when it is gone.
    pub(super) fn note_response(&self) -> u64 {
        let mut responses = self.responses();
        let now_ms = self.now_ms();
        *responses.entry(now_ms).or_default() += 1;
        self.note_oldest(&responses);
        now_ms
    }

    /// Notes that a response that was held since then has left memory.
    pub(super) fn note_response_gone(&self, since_ms: u64) {
        let mut responses = self.responses();
        if let Some(count) = responses.get_mut(&since_ms) {
            *count -= 1;
            if *count == 0 {
                responses.remove(&since_ms);
            }
        }
        self.note_oldest(&responses);
    }

    fn responses(&self) -> MutexGuard<'_, BTreeMap<u64, usize>> {
        self.responses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_oldest(&self, responses: &BTreeMap<u64, usize>) {
        let oldest_ms = responses.keys().next().copied().unwrap_or(NEVER);
        self.response_since_ms.store(oldest_ms, Ordering::Relaxed);
    }

    /// Whether a response has been held in memory for longer than a quick client takes to read it.
    pub(super) fn is_slow_reader(&self) -> bool {
        let since_ms = self.response_since_ms.load(Ordering::Relaxed);
        is_past(self.now_ms(), since_ms, SLOW_READER_TIME)
    }

    /// When this connection goes if one has to; never while a request is open or its answer is on the way, and never if
    /// that would make room for none that is served.
    pub(super) fn eviction_rank(&self) -> Option<EvictionRank> {
        let is_busy = self.requests_open.load(Ordering::Relaxed) > 0
            || self.is_unwritten.load(Ordering::Relaxed)
            || self.response_since_ms.load(Ordering::Relaxed) != NEVER;
        if is_busy || self.is_refused || self.close.get().is_some() {
            return None;
        }
        let has_had_request = self.has_had_request.load(Ordering::Relaxed);
        let head_since_ms = self.head_since_ms.load(Ordering::Relaxed);
        let idle_since_ms = self.idle_since_ms.load(Ordering::Relaxed);
        let since_ms = if head_since_ms == NEVER { idle_since_ms } else { head_since_ms };
        Some((has_had_request, self.opened + Duration::from_millis(since_ms)))
    }

    /// Notes that the client does not take more bytes now.
    pub(super) fn note_write_blocked(&self) {
        self.is_unwritten.store(true, Ordering::Relaxed);
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
            self.write_blocked_since_ms.store(NEVER, Ordering::Relaxed);
        }
    }

    /// Notes that nothing waits to be written.
    pub(super) fn note_flushed(&self) {
        self.is_unwritten.store(false, Ordering::Relaxed);
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
    pub(super) fn overdue(&self, limits: &Limits) -> Option<Close> {
        let snapshot = Snapshot {
            requests_open: self.requests_open.load(Ordering::Relaxed),
            idle_since_ms: self.idle_since_ms.load(Ordering::Relaxed),
            head_since_ms: self.head_since_ms.load(Ordering::Relaxed),
            handshake_since_ms: self.handshake_since_ms.load(Ordering::Relaxed),
            write_blocked_since_ms: self.write_blocked_since_ms.load(Ordering::Relaxed),
            response_since_ms: self.response_since_ms.load(Ordering::Relaxed),
        };
        overdue(snapshot, self.now_ms(), limits)
    }

    fn now_ms(&self) -> u64 {
        let elapsed = clock::instant().duration_since(self.opened);
        u64::try_from(elapsed.as_millis()).unwrap_or(NEVER - 1)
    }
}

/// Whether it is so long since a moment. `NEVER` is so late that nothing is ever due from it on.
fn is_past(now_ms: u64, since_ms: u64, limit: Duration) -> bool {
    u128::from(now_ms.saturating_sub(since_ms)) >= limit.as_millis().max(1)
}

fn overdue(snapshot: Snapshot, now_ms: u64, limits: &Limits) -> Option<Close> {
    let is_past = |since_ms: u64, limit: Duration| is_past(now_ms, since_ms, limit);
    if snapshot.handshake_since_ms != NEVER {
        return is_past(snapshot.handshake_since_ms, limits.handshake_timeout)
            .then_some(Close::Handshake);
    }
    if is_past(snapshot.write_blocked_since_ms, limits.write_timeout)
        || is_past(snapshot.response_since_ms, RESPONSE_TIMEOUT)
    {
        return Some(Close::Write);
    }
    if snapshot.requests_open > 0 {
        return None;
    }
    if is_past(snapshot.head_since_ms, limits.head_timeout) {
        return Some(Close::Head);
    }
    is_past(snapshot.idle_since_ms, limits.idle_timeout).then_some(Close::Idle)
}

#[cfg(test)]
mod tests {
    use super::super::limits::test_limits;
    use super::super::memory::Memory;
    use super::*;

    const QUIET: Snapshot = Snapshot {
        requests_open: 0,
        idle_since_ms: 0,
        head_since_ms: NEVER,
        handshake_since_ms: NEVER,
        write_blocked_since_ms: NEVER,
        response_since_ms: NEVER,
    };

    fn activity() -> Activity {
        Activity::new(Memory::new(HEAD_FREE_BYTES).none(), false)
    }

    fn limits() -> Limits {
        Limits {
            handshake_timeout: Duration::from_secs(5),
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(100),
            write_timeout: Duration::from_secs(30),
            ..test_limits()
        }
    }

    #[test]
    fn an_idle_connection_is_closed_after_the_idle_timeout_only() {
        assert_eq!(overdue(QUIET, 99_999, &limits()), None);
        assert_eq!(overdue(QUIET, 100_000, &limits()), Some(Close::Idle));
    }

    #[test]
    fn a_head_that_has_begun_is_due_sooner() {
        let state = Snapshot { head_since_ms: 5_000, ..QUIET };
        assert_eq!(overdue(state, 14_999, &limits()), None);
        assert_eq!(overdue(state, 15_000, &limits()), Some(Close::Head));
    }

    #[test]
    fn a_handshake_has_its_own_time_and_the_head_comes_after_it() {
        let state = Snapshot { handshake_since_ms: 0, head_since_ms: 0, ..QUIET };
        assert_eq!(overdue(state, 4_999, &limits()), None);
        assert_eq!(overdue(state, 5_000, &limits()), Some(Close::Handshake));
        let mut activity = activity();
        activity.begin_handshake();
        activity.opened = activity.opened.checked_sub(Duration::from_secs(4)).expect("up for 4 s");
        activity.note_read(2 * HEAD_FREE_BYTES);
        assert_eq!(activity.overdue(&limits()), None);
        activity.end_handshake();
        assert!(activity.head_since_ms.load(Ordering::Relaxed) >= 4_000);
        activity.note_read(2 * HEAD_FREE_BYTES);
        assert_eq!(activity.close.get(), None, "what the handshake took is given back");
    }

    #[test]
    fn no_head_takes_more_memory_than_the_longest() {
        let memory = Memory::new(HEAD_BYTES_MAX - HEAD_FREE_BYTES);
        let activity = Activity::new(memory.none(), false);
        activity.note_read(HEAD_BYTES_MAX);
        activity.note_read(HEAD_BYTES_MAX);
        assert_eq!(activity.close.get(), None);
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
        assert_eq!(overdue(state, 31_000, &limits()), Some(Close::Write));
    }

    #[test]
    fn a_response_that_is_not_read_to_its_end_is_due_whatever_else_is_read() {
        let state = Snapshot { requests_open: 3, response_since_ms: 1_000, ..QUIET };
        let due_ms = 1_000 + u64::try_from(RESPONSE_TIMEOUT.as_millis()).expect("small");
        assert_eq!(overdue(state, due_ms - 1, &limits()), None);
        assert_eq!(overdue(state, due_ms, &limits()), Some(Close::Write));
    }

    #[test]
    fn a_long_head_takes_memory_until_it_is_complete() {
        let activity = activity();
        activity.note_read(2 * HEAD_FREE_BYTES);
        activity.begin_request(http::Version::HTTP_11);
        activity.note_read(usize::MAX / 2);
        activity.end_request();
        activity.note_read(2 * HEAD_FREE_BYTES);
        assert_eq!(activity.close.get(), None, "a body is not a head");
        activity.note_read(1);
        assert_eq!(activity.close.get(), Some(&Close::HeadMemory));
    }

    #[test]
    fn connections_without_any_request_go_first_and_those_with_one_open_never() {
        let (silent, had_one, has_one) = (activity(), activity(), activity());
        had_one.begin_request(http::Version::HTTP_11);
        had_one.end_request();
        assert_eq!(had_one.eviction_rank(), None, "its answer is not written");
        had_one.note_flushed();
        has_one.begin_request(http::Version::HTTP_11);
        assert!(silent.eviction_rank() < had_one.eviction_rank());
        assert!(silent.eviction_rank().is_some());
        assert_eq!(has_one.eviction_rank(), None);
        silent.close(Close::MakeRoom);
        assert_eq!(silent.eviction_rank(), None, "it goes already");
    }

    #[test]
    fn a_connection_whose_client_has_yet_to_read_stays() {
        let activity = activity();
        activity.note_write_blocked();
        activity.note_written(WRITE_PROGRESS_BYTES as usize);
        assert_eq!(activity.eviction_rank(), None, "progress is not the end");
        activity.note_flushed();
        assert!(activity.eviction_rank().is_some());
        let since_ms = activity.note_response();
        assert_eq!(activity.eviction_rank(), None, "a response waits for an HTTP/2 window");
        activity.note_response_gone(since_ms);
        assert!(activity.eviction_rank().is_some());
    }

    #[test]
    fn the_oldest_response_counts_whatever_comes_and_goes_after_it() {
        let mut activity = activity();
        activity.opened = activity.opened.checked_sub(Duration::from_secs(9)).expect("up for 9 s");
        let oldest_ms = activity.note_response();
        activity.opened = activity.opened.checked_sub(Duration::from_secs(9)).expect("up for 18 s");
        let (second_ms, third_ms) = (activity.note_response(), activity.note_response());
        activity.note_response_gone(third_ms);
        assert_eq!(activity.response_since_ms.load(Ordering::Relaxed), oldest_ms);
        assert!(activity.is_slow_reader());
        activity.note_response_gone(oldest_ms);
        assert_eq!(activity.response_since_ms.load(Ordering::Relaxed), second_ms);
        assert!(!activity.is_slow_reader(), "it has read the old one");
        activity.note_response_gone(second_ms);
        assert_eq!(activity.response_since_ms.load(Ordering::Relaxed), NEVER);
    }

    #[test]
    fn reading_a_little_is_not_progress_but_reading_enough_is() {
        let activity = activity();
        activity.note_write_blocked();
        activity.note_written(100);
        assert_ne!(activity.write_blocked_since_ms.load(Ordering::Relaxed), NEVER);
        activity.note_written(WRITE_PROGRESS_BYTES as usize);
        assert_eq!(activity.write_blocked_since_ms.load(Ordering::Relaxed), NEVER);
    }

    #[test]
    fn bytes_on_an_idle_connection_begin_a_head_on_http1_only() {
        let activity = activity();
        activity.begin_request(http::Version::HTTP_2);
        activity.end_request();
        activity.note_read(1);
        assert_eq!(activity.head_since_ms.load(Ordering::Relaxed), NEVER);
        activity.begin_request(http::Version::HTTP_11);
        activity.end_request();
        activity.note_read(1);
        assert_ne!(activity.head_since_ms.load(Ordering::Relaxed), NEVER);
    }
}
