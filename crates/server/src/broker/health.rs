//! Whether the store can still be trusted, and whether it answers. One failure anywhere is final until the server is
//! started again; a stall ends when the disk goes on.

use std::error::Error;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::admission::MAILBOX_WAIT_MAX;
use crate::clock::{self, Instant};

/// Work that takes longer is stalled: from then on what waits for it is refused.
const STALLED_AFTER: Duration = MAILBOX_WAIT_MAX;
/// The beginning of work while there is none.
const IDLE: u64 = u64::MAX;

/// Shared between the shards, the catalog, the identities and the health endpoint.
#[derive(Debug, Clone, Default)]
pub struct Health {
    has_failed: Arc<AtomicBool>,
    /// Told of the failure; whoever owns the server may wait for it.
    failure: Arc<Notify>,
    watched: Arc<Mutex<Vec<Arc<Watched>>>>,
}

/// Watches one thread or task at work that takes moments as long as the disk answers.
#[derive(Debug)]
pub(super) struct Watch(Arc<Watched>);

#[derive(Debug)]
struct Watched {
    /// Whose work it is.
    who: String,
    since: Instant,
    /// When the work began, ms after `since`, or [`IDLE`].
    begun_ms: AtomicU64,
}

/// Work that has begun long ago and does not end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stall {
    /// Whose work it is.
    pub who: String,
    /// How long it has taken so far.
    pub lasted: Duration,
}

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secs = self.lasted.as_secs();
        write!(
            f,
            "{} has not got on for {secs} s: the disk does not keep up or does not answer",
            self.who
        )
    }
}

impl Watch {
    /// Notes that work begins.
    pub(super) fn begin(&self) {
        self.0.begun_ms.store(self.0.ms_at(clock::instant()), Ordering::Relaxed);
    }

    /// Notes that it has ended.
    pub(super) fn end(&self) {
        self.0.begun_ms.store(IDLE, Ordering::Relaxed);
    }
}

impl Watched {
    fn ms_at(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.since).as_millis()).unwrap_or(IDLE)
    }

    fn stall(&self, now: Instant) -> Option<Stall> {
        let lasted_ms = self.ms_at(now).saturating_sub(self.begun_ms.load(Ordering::Relaxed));
        let lasted = Duration::from_millis(lasted_ms);
        (lasted > STALLED_AFTER).then(|| Stall { who: self.who.clone(), lasted })
    }
}

impl Health {
    pub(super) fn is_good(&self) -> bool {
        !self.has_failed.load(Ordering::Acquire)
    }

    /// What watches the work of `who`, which is idle so far.
    pub(super) fn watch(&self, who: impl Into<String>) -> Watch {
        let (who, since) = (who.into(), clock::instant());
        let watched = Arc::new(Watched { who, since, begun_ms: AtomicU64::new(IDLE) });
        self.watched.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&watched));
        Watch(watched)
    }

    /// The work that has been stalled for longest, if there is any.
    pub(super) fn stall(&self, now: Instant) -> Option<Stall> {
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let stalls = watched.iter().filter_map(|watched| watched.stall(now));
        stalls.max_by_key(|stall| stall.lasted)
    }

    /// Waits for the first fault. One may wait at a time.
    pub(super) async fn failed(&self) {
        while self.is_good() {
            self.failure.notified().await;
        }
    }

    /// Records a fault; the first one is logged with its causes.
    pub(super) fn fail(&self, fault: &dyn Error) {
        if self.has_failed.swap(true, Ordering::AcqRel) {
            return;
        }
        self.failure.notify_one();
        let mut causes = String::new();
        let mut next = fault.source();
        while let Some(cause) = next {
            causes.push_str(": ");
            causes.push_str(&cause.to_string());
            next = cause.source();
        }
        tracing::error!(
            "the store failed and every shard stops: {fault}{causes}; acknowledged messages are on disk: mend the cause and start the server again; after a full disk it does so by itself"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_stalled_when_it_does_not_end_in_time() {
        let health = Health::default();
        let (slow, idle) = (health.watch("shard 1"), health.watch("shard 2"));
        let (before, late) = (clock::instant(), Duration::from_hours(1));
        assert_eq!(health.stall(before + late), None, "nobody works");
        slow.begin();
        idle.begin();
        idle.end();
        assert_eq!(health.stall(before + STALLED_AFTER), None, "it may still end in time");
        let stall = health.stall(before + late).expect("it does not end");
        assert!(stall.to_string().starts_with("shard 1 has not got on for 3"), "{stall}");
        slow.end();
        assert_eq!(health.stall(before + late), None);
    }
}
