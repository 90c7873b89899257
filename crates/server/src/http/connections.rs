//! The open connections of all listeners: which are overdue, and which have to make room.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clock::{self, Instant};

use super::activity::{Activity, Close};
use super::limits::{
    CONNECTIONS_EVICTED_AT_ONCE, HEAD_MEMORY_BYTES_MAX, Limits, REQUESTS_MAX,
    RESPONSE_MEMORY_BYTES_MAX, SCARCITY_CHECK_INTERVAL,
};
use super::memory::Memory;

/// See the module. Its lock is taken when a connection comes or goes and when all are judged, never for a request.
#[derive(Debug)]
pub(super) struct Connections {
    open: Mutex<HashMap<u64, Arc<Activity>>>,
    opened_count: AtomicU64,
    requests_open: AtomicUsize,
    /// Request heads in memory.
    pub(super) heads: Memory,
    /// Responses in memory.
    pub(super) responses: Memory,
    started: Instant,
    scarcity_checked_ms: AtomicU64,
}

/// A connection in the list, until this is dropped.
#[derive(Debug)]
pub(super) struct Listed {
    connections: Arc<Connections>,
    number: u64,
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.connections.list().remove(&self.number);
    }
}

/// A request that is open until this is dropped, however it ends.
#[derive(Debug)]
pub(super) struct OpenRequest<'a> {
    connections: &'a Connections,
    activity: &'a Activity,
}

impl Drop for OpenRequest<'_> {
    fn drop(&mut self) {
        self.connections.requests_open.fetch_sub(1, Ordering::Relaxed);
        self.activity.end_request();
    }
}

impl Connections {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            open: Mutex::default(),
            opened_count: AtomicU64::new(0),
            requests_open: AtomicUsize::new(0),
            heads: Memory::new(HEAD_MEMORY_BYTES_MAX),
            responses: Memory::new(RESPONSE_MEMORY_BYTES_MAX),
            started: clock::instant(),
            scarcity_checked_ms: AtomicU64::new(0),
        })
    }

    fn list(&self) -> MutexGuard<'_, HashMap<u64, Arc<Activity>>> {
        // An entry is inserted or removed whole, so a poisoned lock is as good as any.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a connection, one that is served or one that is refused.
    pub(super) fn open(self: &Arc<Self>, is_refused: bool) -> (Arc<Activity>, Listed) {
        let activity = Arc::new(Activity::new(self.heads.none(), is_refused));
        let number = self.opened_count.fetch_add(1, Ordering::Relaxed);
        self.list().insert(number, Arc::clone(&activity));
        (activity, Listed { connections: Arc::clone(self), number })
    }

    /// Counts a request that has begun on a connection. The second is false if there are too many at once.
    pub(super) fn begin_request<'a>(&'a self, activity: &'a Activity) -> (OpenRequest<'a>, bool) {
        let others = self.requests_open.fetch_add(1, Ordering::Relaxed);
        (OpenRequest { connections: self, activity }, others < REQUESTS_MAX)
    }

    /// Judges every connection, again and again; one timer for all of them. Never returns.
    pub(super) async fn watch(&self, limits: &Limits) {
        loop {
            tokio::time::sleep(limits.check_interval()).await;
            for activity in self.list().values() {
                if let Some(reason) = activity.overdue(limits) {
                    activity.close(reason);
                }
            }
        }
    }

    /// Closes served connections without a request, those first that never had one, then those that have been idle longest.
    /// Gives their number.
    pub(super) fn make_room(&self) -> usize {
        let list = self.list();
        let mut idle: Vec<_> = list
            .values()
            .filter_map(|activity| Some((activity.eviction_rank()?, activity)))
            .collect();
        let count = CONNECTIONS_EVICTED_AT_ONCE.min(idle.len().div_ceil(8));
        if count == 0 {
            return 0;
        }
        idle.select_nth_unstable_by_key(count - 1, |(rank, _)| *rank);
        for (_, activity) in &idle[..count] {
            activity.close(Close::MakeRoom);
        }
        count
    }

    /// While memory for responses is scarce, closes connections that have not read theirs for a while.
    pub(super) fn close_slow_readers(&self) {
        let now_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let checked_ms = self.scarcity_checked_ms.load(Ordering::Relaxed);
        let interval_ms = u64::try_from(SCARCITY_CHECK_INTERVAL.as_millis()).unwrap_or(u64::MAX);
        let is_mine = now_ms >= checked_ms + interval_ms
            && self
                .scarcity_checked_ms
                .compare_exchange(checked_ms, now_ms, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if !is_mine {
            return;
        }
        for activity in self.list().values().filter(|activity| activity.is_slow_reader()) {
            activity.close(Close::Write);
        }
    }
}
