//! The task that delivers: it reads what was added to the audit log and writes what each trail takes into files.
//!
//! How far a trail has come is stored after its files are durable. So after a crash events may be delivered twice, as by
//! CloudTrail, but none is left out.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use sluice_wire::unix_secs_of_iso_8601;
use tokio::sync::oneshot;
use tracing::warn;

use super::event::Event;
use super::log_file::LogFile;
use crate::audit::{AuditLog, Place, each_between};
use crate::clock::Clock;
use crate::identities::{Draft, Entity, Identities, IdentitiesStopped, Trail};

/// Between deliveries, like those of CloudTrail.
const INTERVAL: Duration = Duration::from_secs(300);
/// For so long after a trail was stopped its last events may still be on their way to the audit log.
const LATE_MS: u64 = 60_000;
/// Records in one file, before they are compressed.
const FILE_BYTES_MAX: u64 = 50 << 20;
/// Files that are written at once: one for each region.
const FILES_MAX: usize = 32;

/// Delivers the events of all trails.
pub(crate) struct DeliveryTask {
    log: AuditLog,
    /// The directory of the audit log.
    directory: PathBuf,
    identities: Identities,
    clock: Arc<dyn Clock>,
}

impl DeliveryTask {
    /// Makes the task for the log in a directory.
    pub(crate) fn new(
        log: AuditLog,
        directory: &Path,
        identities: Identities,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { log, directory: directory.to_owned(), identities, clock }
    }

    /// Delivers from time to time, and once more when everything is written that will be.
    pub(crate) async fn run(self, mut written: oneshot::Receiver<()>) {
        loop {
            let is_over = tokio::time::timeout(INTERVAL, &mut written).await.is_ok();
            self.deliver_all().await;
            if is_over {
                return;
            }
        }
    }

    async fn deliver_all(&self) {
        let (snapshot, end) = (self.identities.snapshot(), self.log.durable_end());
        let is_over = |trail: &Trail| {
            let stopped_at_ms = trail.stopped_at_ms.unwrap_or_default();
            !trail.is_logging && self.clock.now_ms() >= stopped_at_ms + LATE_MS
        };
        for trail in snapshot.all::<Trail>() {
            let next = if is_over(trail) { None } else { Some(end) };
            if let Some(from) = trail.delivery.from.filter(|from| next != Some(*from)) {
                self.deliver(Arc::clone(trail), (from, end), next).await;
            }
        }
    }

    /// Delivers what is new to one trail, and notes that it is.
    async fn deliver(&self, trail: Arc<Trail>, range: (Place, Place), next: Option<Place>) {
        let (directory, now_ms) = (self.directory.clone(), self.clock.now_ms());
        let delivered = Arc::clone(&trail);
        let delivering = tokio::task::spawn_blocking(move || {
            let mut pass = Pass::new(&directory, &delivered, now_ms);
            each_between(&directory, range, &mut |record| pass.take(record))?;
            pass.finish()
        });
        let outcome = delivering.await.map_err(io::Error::other).and_then(|outcome| outcome);
        if let Err(cause) = &outcome {
            let trail = trail.arn();
            warn!(%cause, trail, "cannot deliver the events of a trail; trying again");
        }
        let noting =
            self.identities.change(move |draft, now_ms| note(draft, &trail, next, outcome, now_ms));
        // The store failed, which was logged. What is not noted is delivered again.
        let _noted = noting.await;
    }
}

/// Notes what came of a delivery, unless the trail is another one meanwhile.
fn note(
    draft: &mut Draft,
    trail: &Trail,
    next: Option<Place>,
    outcome: io::Result<u64>,
    now_ms: u64,
) -> Result<(), IdentitiesStopped> {
    let Some(current) = draft.snapshot().get::<Trail>(&trail.key()) else { return Ok(()) };
    if current.created_at_ms != trail.created_at_ms || current.delivery.from != trail.delivery.from
    {
        return Ok(());
    }
    let mut noted = Trail::clone(current);
    // One that was started again goes on.
    let is_restarted = noted.is_logging && !trail.is_logging;
    match outcome {
        Ok(files) => {
            if !is_restarted || next.is_some() {
                noted.delivery.from = next;
            }
            noted.delivery.error = None;
            if files > 0 {
                noted.delivery.delivered_at_ms = Some(now_ms);
                noted.delivery.tried_at_ms = Some(now_ms);
            }
        }
        Err(cause) => {
            noted.delivery.error = Some(cause.to_string());
            noted.delivery.tried_at_ms = Some(now_ms);
        }
    }
    draft.put(noted);
    Ok(())
}

/// One delivery of one trail.
struct Pass<'a> {
    directory: &'a Path,
    trail: &'a Trail,
    now_ms: u64,
    /// The last second whose events it takes.
    last_secs: u64,
    /// By region.
    files: BTreeMap<String, LogFile>,
    finished: u64,
}

impl<'a> Pass<'a> {
    fn new(directory: &'a Path, trail: &'a Trail, now_ms: u64) -> Self {
        let stopped_at_ms = trail.stopped_at_ms.filter(|_| !trail.is_logging);
        let last_secs = stopped_at_ms.map_or(u64::MAX, |stopped_at_ms| stopped_at_ms / 1_000);
        Self { directory, trail, now_ms, last_secs, files: BTreeMap::new(), finished: 0 }
    }

    fn take(&mut self, text: &str) -> io::Result<()> {
        // A line that is no record belongs to another log: this one is checked when it is opened.
        let Ok(record) = serde_json::from_str::<Value>(text) else { return Ok(()) };
        let event = Event::of(&record);
        let time = record["eventTime"].as_str().and_then(unix_secs_of_iso_8601);
        if time.is_none_or(|time| time > self.last_secs) || !self.trail.takes(&event) {
            return Ok(());
        }
        if !self.files.contains_key(event.region) {
            if self.files.len() == FILES_MAX {
                self.finish_all()?;
            }
            let (directory, number) = (self.directory, self.files.len());
            let file = LogFile::create(directory, number, self.trail, event.region, self.now_ms)?;
            self.files.insert(event.region.to_owned(), file);
        }
        let Some(file) = self.files.get_mut(event.region) else { return Ok(()) };
        file.add(text)?;
        if file.bytes() >= FILE_BYTES_MAX {
            self.finish_all()?;
        }
        Ok(())
    }

    fn finish_all(&mut self) -> io::Result<()> {
        while let Some((_, file)) = self.files.pop_first() {
            file.finish()?;
            self.finished += 1;
        }
        Ok(())
    }

    /// Finishes what was begun; returns how many files there are.
    fn finish(mut self) -> io::Result<u64> {
        self.finish_all()?;
        Ok(self.finished)
    }
}
