//! Whether the disk still has its reserve.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

/// Written to find out whether there is space.
const PROBE_FILE: &str = "SPACE";
const PROBE_BYTES: usize = 4 << 20;

/// How old an answer may be before the file system is asked again.
const REFRESH_MILLIS: u64 = 1_000;

/// Says whether there is room to take in more data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpaceLeft {
    /// More than the reserve is free.
    Plenty,
    /// The reserve is touched: take nothing new, so that what is there can still be read and deleted.
    Low,
}

/// Asks the file system for free bytes, at most once a second.
#[derive(Debug)]
pub(crate) struct DiskSpace {
    path: PathBuf,
    reserve_bytes: u64,
    opened_at: Instant,
    refresh_at_millis: AtomicU64,
    is_low: AtomicBool,
}

impl DiskSpace {
    #[expect(
        clippy::disallowed_methods,
        reason = "the age of the answer is measured against the real disk, and decides nothing else"
    )]
    pub(crate) fn new(path: PathBuf, reserve_bytes: u64) -> Self {
        let space = Self {
            path,
            reserve_bytes,
            opened_at: Instant::now(),
            refresh_at_millis: AtomicU64::new(REFRESH_MILLIS),
            is_low: AtomicBool::new(false),
        };
        space.refresh();
        space
    }

    /// Returns the cached answer, refreshed if it is too old.
    pub(crate) fn left(&self) -> SpaceLeft {
        let now = u64::try_from(self.opened_at.elapsed().as_millis()).unwrap_or(u64::MAX);
        let due = self.refresh_at_millis.load(Ordering::Relaxed);
        let next = now.saturating_add(REFRESH_MILLIS);
        // Whoever moves the deadline asks; everyone else keeps the last answer.
        if now >= due
            && self
                .refresh_at_millis
                .compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        {
            self.refresh();
        }
        if self.is_low.load(Ordering::Relaxed) { SpaceLeft::Low } else { SpaceLeft::Plenty }
    }

    /// Says whether the disk takes data again; a quota may refuse what the free bytes promise.
    pub(crate) fn is_back(&self) -> bool {
        self.left() == SpaceLeft::Plenty && self.probe().is_ok()
    }

    /// Writes a file and removes it.
    fn probe(&self) -> io::Result<()> {
        let path = self.path.join(PROBE_FILE);
        let written =
            fs::write(&path, vec![1; PROBE_BYTES]).and_then(|()| File::open(&path)?.sync_all());
        let removed = fs::remove_file(&path);
        written.and(removed)
    }

    fn refresh(&self) {
        let is_low = match rustix::fs::statvfs(&self.path) {
            Ok(stat) => stat.f_bavail.saturating_mul(stat.f_frsize) < self.reserve_bytes,
            Err(error) => {
                tracing::warn!(path = %self.path.display(), %error, "cannot read free disk space");
                true
            }
        };
        if self.is_low.swap(is_low, Ordering::Relaxed) != is_low {
            let path = self.path.display();
            let reserve_bytes = self.reserve_bytes;
            if is_low {
                tracing::warn!(%path, reserve_bytes, "free disk space is below the reserve");
            } else {
                tracing::info!(%path, reserve_bytes, "free disk space is above the reserve again");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DiskSpace, SpaceLeft};

    #[test]
    fn space_is_low_when_less_than_the_reserve_is_free() {
        let plenty = DiskSpace::new(std::env::temp_dir(), 1);
        assert_eq!(plenty.left(), SpaceLeft::Plenty);
        assert!(plenty.is_back());
        let low = DiskSpace::new(std::env::temp_dir(), u64::MAX);
        assert_eq!(low.left(), SpaceLeft::Low);
        assert!(!low.is_back());
    }

    #[test]
    fn an_unreadable_file_system_counts_as_full() {
        let space = DiskSpace::new("/nonexistent/sluice".into(), 1);
        assert_eq!(space.left(), SpaceLeft::Low);
    }
}
