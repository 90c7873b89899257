//! A thread of the store that does something again and again until the store is closed.

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::StoreError;

/// A running thread; dropping it ends and joins it.
pub(super) struct Background {
    /// Dropped first: the thread ends.
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// Starts a thread that does `work` after `pause`, and again after each pause that it returns, until that is `None`.
    pub(super) fn start(
        name: &str,
        path: &Path,
        mut pause: Duration,
        mut work: impl FnMut() -> Option<Duration> + Send + 'static,
    ) -> Result<Self, StoreError> {
        let (stop, stopped) = sync_channel(0);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                    match work() {
                        Some(next) => pause = next,
                        None => break,
                    }
                }
            })
            .map_err(|error| StoreError::io("start a thread for", path, error))?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A panic was reported by its own thread; nothing here depends on what it did.
        drop(self.thread.take().map(JoinHandle::join));
    }
}
