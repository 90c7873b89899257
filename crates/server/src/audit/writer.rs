//! The task that writes records: many at once, durable when one of their calls waits for it, at latest after a second.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tracing::{error, info};

use super::files::Files;
use super::log::{Message, Queued, Shared};
use super::place::Place;
use crate::clock::{self, Clock, Instant};

/// Records that are written at once.
const BATCH_MAX: usize = 1_024;
/// Records that nobody waits for are durable after this.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);
/// A disk that failed is tried again after this; it tells nobody when it is good again.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// When a file is full.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) bytes_max: u64,
    pub(super) age_max: Duration,
}

/// Whose the log is.
#[derive(Debug, Clone)]
pub(super) struct Home {
    pub(super) account: String,
    pub(super) region: String,
}

/// Owned by the task.
pub(super) struct Writer {
    /// Away while they are being written; gone after a panic.
    files: Option<Files>,
    bounds: Bounds,
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    finished: mpsc::Sender<u64>,
    home: Home,
    /// Records that are written and not yet durable.
    unsynced: u64,
    due: Due,
}

/// What has to be done when.
#[derive(Debug, Clone, Copy, Default)]
struct Due {
    sync: Option<Instant>,
    end_of_file: Option<Instant>,
    retry: Option<Instant>,
}

/// What is done at once.
struct Work {
    records: Vec<Vec<u8>>,
    sync: bool,
    /// The file ends if it is larger than this.
    bytes_max: u64,
}

/// What came of it.
struct Done {
    /// Number of the file that ended.
    ended: Option<u64>,
    is_empty: bool,
    durable_end: Place,
}

impl Writer {
    pub(super) fn new(
        files: Files,
        bounds: Bounds,
        shared: Arc<Shared>,
        clock: Arc<dyn Clock>,
        finished: mpsc::Sender<u64>,
        home: Home,
    ) -> Self {
        let due = Due::default();
        Self { files: Some(files), bounds, shared, clock, finished, home, unsynced: 0, due }
    }

    /// Writes records until it is told to close.
    pub(super) async fn run(mut self, mut messages: mpsc::Receiver<Message>) {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        loop {
            let receiving = messages.recv_many(&mut batch, BATCH_MAX);
            let is_over = match self.due.next() {
                None => receiving.await == 0,
                Some(at) => {
                    let pause = at.saturating_duration_since(clock::instant());
                    tokio::time::timeout(pause, receiving).await.is_ok_and(|count| count == 0)
                }
            };
            let mut records = Vec::with_capacity(batch.len());
            for message in batch.drain(..) {
                match message {
                    Message::Record(queued) => records.push(queued),
                    Message::Close => messages.close(),
                }
            }
            self.step(records, is_over).await;
            if is_over {
                return;
            }
        }
    }

    /// Writes records, after one that says what is missing before them, and does what is due.
    async fn step(&mut self, queued: Vec<Queued>, is_over: bool) {
        let now = clock::instant();
        let gap = self.shared.take_gap();
        let said = gap.is_some().then(|| gap.to_json(&self.home, self.clock.now_ms()));
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        let ends = is_over || is_due(self.due.end_of_file);
        let is_awaited = queued.iter().any(|one| one.written.is_some());
        let sync = ends || is_awaited || said.is_some() || is_due(self.due.sync);
        let count = queued.len() as u64;
        let (mut records, mut told) = (Vec::with_capacity(queued.len() + 1), Vec::new());
        records.extend(said);
        for one in queued {
            records.push(one.record);
            told.push((one.category, one.written));
        }
        let bytes_max = if ends { 0 } else { self.bounds.bytes_max };
        match self.work(Work { records, sync, bytes_max }).await {
            Ok(done) => {
                self.shared.note_durable(done.durable_end);
                if self.shared.note(false) {
                    info!("the audit log can be written again");
                }
                for (category, written) in told {
                    self.shared.metrics.written(category);
                    // Whoever asked may be gone.
                    let _told = written.map(|written| written.send(()));
                }
                self.schedule(now, count, sync, &done);
                self.hand_over(done.ended);
            }
            Err(cause) => {
                if !self.shared.note(true) {
                    error!(%cause, "cannot write the audit log; records are lost or calls refused until it can be written again, as audit.when_full says");
                }
                self.shared.put_back(gap);
                self.shared.lose(count + std::mem::take(&mut self.unsynced));
                self.due = Due { retry: Some(now + RETRY_INTERVAL), sync: None, ..self.due };
            }
        }
    }

    /// Off the threads of tasks, which must not wait for the disk.
    async fn work(&mut self, work: Work) -> io::Result<Done> {
        let lost = || io::Error::other("the writer of the audit log has failed");
        let mut files = self.files.take().ok_or_else(lost)?;
        let worked = tokio::task::spawn_blocking(move || {
            let done = work.run(&mut files);
            (files, done)
        });
        let (files, done) = worked.await.map_err(io::Error::other)?;
        self.files = Some(files);
        done
    }

    fn schedule(&mut self, now: Instant, count: u64, synced: bool, done: &Done) {
        self.due.retry = None;
        if synced || done.ended.is_some() {
            (self.unsynced, self.due.sync) = (0, None);
        } else {
            self.unsynced += count;
            self.due.sync = self.due.sync.or((count > 0).then_some(now + SYNC_INTERVAL));
        }
        if done.is_empty {
            self.due.end_of_file = None;
        } else if self.due.end_of_file.is_none() {
            self.due.end_of_file = Some(now + self.bounds.age_max);
        }
    }

    /// Has a file finished. Files that are full while others cannot be finished wait for the next start.
    fn hand_over(&self, ended: Option<u64>) {
        if let Some(number) = ended
            && self.finished.try_send(number).is_err()
        {
            error!(number, "too many audit files wait to be compressed; the next start does it");
        }
    }
}

impl Due {
    fn next(self) -> Option<Instant> {
        [self.sync, self.end_of_file, self.retry].into_iter().flatten().min()
    }
}

impl Work {
    fn run(self, files: &mut Files) -> io::Result<Done> {
        if !self.records.is_empty() {
            files.append(&self.records)?;
        }
        let is_full = files.bytes() > self.bytes_max;
        if self.sync || is_full {
            files.sync()?;
        }
        let ended = if is_full { files.end() } else { None };
        let durable_end = files.durable_end();
        Ok(Done { ended, is_empty: files.bytes() == 0, durable_end })
    }
}
