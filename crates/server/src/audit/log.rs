//! The handle in front of the audit log.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::category::EventCategory;
use super::files::{Files, Opened};
use super::finisher::Finisher;
use super::gap::Gap;
use super::looking::Looking;
use super::lookup::{Found, Search, look_up};
use super::place::Place;
use super::record::Record;
use super::writer::{Bounds, Home, Writer};
use crate::clock::Clock;
use crate::config::{AuditConfig, Config, WhenFull};
use crate::identities::{Identities, Trail};
use crate::metrics::AuditMetrics;
use crate::services::Switch;
use crate::trails::DeliveryTask;

/// Records that may wait to be written.
const QUEUED_MAX: usize = 4_096;
/// Files that may wait to be finished, besides those that wait since the start.
const UNFINISHED_MAX: usize = 16;

/// The audit log of a server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct AuditLog {
    shared: Arc<Shared>,
}

/// Whether calls can be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Availability {
    /// They can.
    Good,
    /// They cannot, and are answered all the same.
    Losing,
    /// They cannot, and are refused.
    Refusing,
}

/// Why nothing can be looked up.
#[derive(Debug)]
pub(crate) enum LookUpError {
    /// Too many look at once.
    Busy,
    /// A file cannot be read.
    Unreadable(io::Error),
}

/// What the log and its writer share.
pub(super) struct Shared {
    messages: mpsc::Sender<Message>,
    data_events: Switch,
    when_full: WhenFull,
    /// Whether the last write failed.
    is_failing: AtomicBool,
    /// Records that were lost, and calls that were refused, since the last record that said so.
    lost: AtomicU64,
    refused: AtomicU64,
    bytes_cut: AtomicU64,
    pub(super) metrics: AuditMetrics,
    directory: PathBuf,
    /// Where what is durable ends.
    durable_end: Mutex<Place>,
    /// For their trails.
    identities: Identities,
    looking: Arc<Looking>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

/// What the writer is told.
pub(super) enum Message {
    /// Write this.
    Record(Queued),
    /// Write what is on its way, and end.
    Close,
}

/// A record on its way to the disk.
pub(super) struct Queued {
    pub(super) category: EventCategory,
    /// One JSON object.
    pub(super) record: Vec<u8>,
    /// Told when it is durable; dropped when it is lost.
    pub(super) written: Option<oneshot::Sender<()>>,
}

impl AuditLog {
    /// Opens the directory and starts the tasks that write there.
    ///
    /// # Errors
    /// What is wrong with the directory or a file in it.
    pub(crate) async fn open(
        audit: &AuditConfig,
        config: &Config,
        clock: Arc<dyn Clock>,
        identities: Identities,
    ) -> io::Result<Self> {
        let directory = audit.directory.clone();
        let opened = tokio::task::spawn_blocking(move || Files::open(&directory));
        let Opened { files, unfinished, bytes_cut } = opened.await.map_err(io::Error::other)??;
        let (messages, queue) = mpsc::channel(QUEUED_MAX);
        let shared = Arc::new(Shared {
            messages,
            data_events: audit.data_events,
            when_full: audit.when_full,
            is_failing: AtomicBool::new(false),
            lost: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            bytes_cut: AtomicU64::new(bytes_cut),
            metrics: AuditMetrics::default(),
            directory: audit.directory.clone(),
            durable_end: Mutex::new(files.durable_end()),
            identities: identities.clone(),
            looking: Arc::default(),
            tasks: Mutex::default(),
        });
        if bytes_cut > 0 {
            let directory = audit.directory.display();
            tracing::warn!(%directory, bytes_cut, "the end of the last audit file was not whole; it is kept beside it");
        }
        let (finished, numbers) = mpsc::channel(UNFINISHED_MAX + unfinished.len());
        for number in unfinished {
            finished.try_send(number).map_err(io::Error::other)?;
        }
        let bounds = Bounds { bytes_max: audit.file_bytes_max, age_max: audit.file_age_max };
        let home = Home { account: config.account.clone(), region: config.region.clone() };
        let writer =
            Writer::new(files, bounds, Arc::clone(&shared), Arc::clone(&clock), finished, home);
        let finisher = Finisher::new(&audit.directory);
        let log = Self { shared: Arc::clone(&shared) };
        let delivery = DeliveryTask::new(log.clone(), &audit.directory, identities, clock);
        // Trails get what was written last, too.
        let (writing, written) = oneshot::channel();
        let write = async move {
            writer.run(queue).await;
            drop(writing);
        };
        *lock(&shared.tasks) =
            vec![start(write), start(finisher.run(numbers)), start(delivery.run(written))];
        Ok(log)
    }

    /// Whether calls of a category may have to be recorded.
    pub(crate) fn selects(&self, category: EventCategory) -> bool {
        match category {
            EventCategory::Management => true,
            EventCategory::Data => self.has_data_events() || self.any_trail(selects_data),
        }
    }

    /// Whether a call has to be recorded, now that everything is known of it.
    pub(super) fn wants(&self, category: EventCategory, record: &Record) -> bool {
        match category {
            EventCategory::Management => true,
            EventCategory::Data if self.has_data_events() => true,
            EventCategory::Data => {
                let event = record.event();
                self.any_trail(|trail| trail.takes(&event))
            }
        }
    }

    fn has_data_events(&self) -> bool {
        self.shared.data_events == Switch::On
    }

    /// Whether there is such a trail among those that are logging.
    fn any_trail(&self, is_such: impl Fn(&Trail) -> bool) -> bool {
        let snapshot = self.shared.identities.snapshot();
        snapshot.all::<Trail>().any(|trail| trail.is_logging && is_such(trail))
    }

    /// Where what is durable ends.
    pub(crate) fn durable_end(&self) -> Place {
        *lock(&self.shared.durable_end)
    }

    /// Whether a call can be recorded that has not begun yet; counts those that are refused.
    pub(crate) fn admits(&self) -> bool {
        let shared = &self.shared;
        let is_full = shared.messages.capacity() == 0 || shared.is_failing.load(Ordering::Acquire);
        let is_refused = is_full && shared.when_full == WhenFull::Refuse;
        if is_refused {
            shared.refused.fetch_add(1, Ordering::Relaxed);
            shared.metrics.refused.inc();
        }
        !is_refused
    }

    /// Whether calls can be recorded.
    pub(crate) fn availability(&self) -> Availability {
        match (self.shared.is_failing.load(Ordering::Acquire), self.shared.when_full) {
            (false, _) => Availability::Good,
            (true, WhenFull::Wait) => Availability::Losing,
            (true, WhenFull::Refuse) => Availability::Refusing,
        }
    }

    /// Counters.
    pub(crate) fn metrics(&self) -> &AuditMetrics {
        &self.shared.metrics
    }

    /// Looks records up that are on disk.
    ///
    /// # Errors
    /// [`LookUpError`]
    pub(crate) async fn look_up(&self, search: Search) -> Result<Found, LookUpError> {
        let look = self.shared.looking.begin(&search.account).ok_or(LookUpError::Busy)?;
        let directory = self.shared.directory.clone();
        let looking = tokio::task::spawn_blocking(move || {
            // Whoever asked may be gone; the disk is busy all the same.
            let _look = look;
            look_up(&directory, &search)
        });
        let found = looking.await.map_err(io::Error::other).and_then(|found| found);
        found.map_err(LookUpError::Unreadable)
    }

    /// Waits until there is room for a record; none is made any more when the server stops.
    pub(super) async fn room(&self) -> Option<mpsc::Permit<'_, Message>> {
        let messages = &self.shared.messages;
        match messages.try_reserve() {
            Ok(permit) => Some(permit),
            Err(mpsc::error::TrySendError::Closed(())) => None,
            Err(mpsc::error::TrySendError::Full(())) => {
                self.shared.metrics.waits.inc();
                messages.reserve().await.ok()
            }
        }
    }

    /// Puts a record into the queue if there is room; otherwise it is lost.
    pub(super) fn put(&self, queued: Queued) {
        if self.shared.messages.try_send(Message::Record(queued)).is_err() {
            self.shared.lose(1);
        }
    }

    /// Writes what is on its way and ends the tasks. What comes later is lost.
    pub(crate) async fn shutdown(&self) {
        // One that has been shut down already has nobody to tell.
        drop(self.shared.messages.send(Message::Close).await);
        let tasks = std::mem::take(&mut *lock(&self.shared.tasks));
        for task in tasks {
            // A task that panicked has been reported by the panic hook.
            drop(task.await);
        }
    }
}

impl Shared {
    /// Notes where what is durable ends.
    pub(super) fn note_durable(&self, end: Place) {
        *lock(&self.durable_end) = end;
    }

    /// Counts records that are lost.
    pub(super) fn lose(&self, records: u64) {
        self.lost.fetch_add(records, Ordering::Relaxed);
        self.metrics.lost.inc_by(records);
    }

    /// Takes what has to be said of what is missing.
    pub(super) fn take_gap(&self) -> Gap {
        Gap {
            lost: self.lost.swap(0, Ordering::Relaxed),
            refused: self.refused.swap(0, Ordering::Relaxed),
            bytes_cut: self.bytes_cut.swap(0, Ordering::Relaxed),
        }
    }

    /// Keeps it for later: it could not be said.
    pub(super) fn put_back(&self, gap: Gap) {
        self.lost.fetch_add(gap.lost, Ordering::Relaxed);
        self.refused.fetch_add(gap.refused, Ordering::Relaxed);
        self.bytes_cut.fetch_add(gap.bytes_cut, Ordering::Relaxed);
    }

    /// Notes whether the last write failed; returns whether the one before did.
    pub(super) fn note(&self, is_failing: bool) -> bool {
        self.metrics.failing.set(i64::from(is_failing));
        self.is_failing.swap(is_failing, Ordering::AcqRel)
    }
}

fn selects_data(trail: &Trail) -> bool {
    trail.selectors.select_data()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::disallowed_methods, reason = "this is the module that joins the tasks")]
fn start(run: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(run)
}
