//! The catalog: which queues exist. One task changes it, everyone reads an immutable snapshot of it.
//!
//! | row of shard 0 | key | value |
//! |---|---|---|
//! | queue | `q` account, region, name | the queue, JSON |
//! | deleted queue | `x` account, region, name | when, and the partitions to remove, JSON |
//! | move task | `t` account, region, name of the source, start, id | the task, JSON |
//! | settings | `m` | next partition, number of shards, secret of receipt handles, JSON |
//!
//! Changes are rare and answered when they are durable, one after the other.

mod contents;
mod move_tasks;
mod reset;
mod snapshot;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sluice_store::{Batch, Reader, Shard, Space, StoreError};
use tokio::sync::{mpsc, oneshot};

use super::error::BrokerError;
use super::health::Health;
use super::queue::{Derived, PartitionPlace, Queue, QueueKey};
use super::rare_writer::{NotDurable, RareWriter};
use super::rows::BadRow;
use crate::clock::Clock;

pub(super) use contents::{Contents, QUEUE_TABLES};
pub(super) use move_tasks::MoveTasks;
pub(super) use snapshot::{Published, Snapshot};

/// Changes that may wait for the catalog's task.
pub(super) const CHANGES_MAX: usize = 1_024;
/// A deleted queue is remembered this long, for the rule of contract §2.1.
const DELETED_KEPT_MS: u64 = 60_000;
/// Deleted queues that one change forgets.
const FORGOTTEN_MAX: usize = 100;
const PAGE_ROWS: usize = 1_000;
const QUEUE: u8 = b'q';
const DELETED: u8 = b'x';
const SETTINGS: &[u8] = b"m";

/// What the catalog knows under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry<'a> {
    /// Nothing.
    Absent,
    /// A queue was deleted here less than a minute ago.
    Deleted {
        /// When, epoch milliseconds.
        at_ms: u64,
    },
    /// A queue.
    Present(&'a Queue),
}

/// What to do with the entry.
#[allow(clippy::large_enum_variant, reason = "one lives at a time, for the length of a decision")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueueChange {
    /// Leave it.
    None,
    /// Create or replace the queue. A new one gets its partitions from the catalog.
    Put(Queue),
    /// Delete the queue.
    Delete,
}

/// The one row of server-wide settings.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Settings {
    version: u32,
    next_partition: u64,
    /// Data shards are numbered 1 to this.
    pub(super) shards: u16,
    /// Secret of receipt handles.
    pub(super) receipt_secret: [u8; 32],
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct QueueRow {
    version: u32,
    queue: Queue,
}

/// A queue that was deleted.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct DeletedRow {
    version: u32,
    at_ms: u64,
    partitions: Vec<PartitionPlace>,
}

const VERSION: u32 = 1;

/// Why the catalog cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row cannot be read.
    #[error("the catalog's {row} row cannot be read; it is damaged or from a newer version")]
    Row {
        /// Which row.
        row: &'static str,
        /// What is wrong with it.
        source: Option<serde_json::Error>,
    },
}

/// A change on its way to the catalog's task.
pub(super) type Job = Box<dyn FnOnce(&mut Catalog) -> Decided + Send>;

/// A queue that was deleted, and its partitions, which are removed after that.
type Dropped = (QueueKey, Vec<PartitionPlace>);

/// What a change decided: a batch to commit, the partitions to remove after it, and whom to tell.
pub(super) struct Decided {
    batch: Batch,
    dropped: Vec<Dropped>,
    done: Box<dyn FnOnce(Result<(), BrokerError>) + Send>,
}

/// The catalog's state, owned by its task.
pub(super) struct Catalog {
    rows: RareWriter,
    clock: Arc<dyn Clock>,
    pub(super) settings: Settings,
    queues: Snapshot,
    /// Whether the queues differ from the published ones.
    has_changed: bool,
    deleted: HashMap<QueueKey, DeletedRow>,
    /// Those of them whose partitions are gone, or were deleted again since, by the time of the deletion.
    removed: BTreeSet<(u64, QueueKey)>,
    pub(super) moves: MoveTasks,
    published: Published,
    /// Changes of queues so far.
    version: u64,
}

impl Catalog {
    /// Reads the catalog; a new store gets its settings.
    pub(super) fn open(
        mut shard: Box<dyn Shard>,
        health: Health,
        clock: Arc<dyn Clock>,
        shards: u16,
        receipt_secret: [u8; 32],
        published: Published,
    ) -> Result<Self, CatalogError> {
        let reader = shard.reader();
        let settings = match reader.get(Space::Rows, SETTINGS)? {
            Some(bytes) => {
                let settings: Settings = decode("settings", &bytes)?;
                check_version("settings", settings.version)?;
                settings
            }
            None => {
                let settings =
                    Settings { version: VERSION, next_partition: 1, shards, receipt_secret };
                let mut batch = Batch::new();
                put(&mut batch, SETTINGS.to_vec(), &settings);
                shard.commit(batch).wait()?;
                settings
            }
        };
        let mut queues = Snapshot::default();
        for row in scan::<QueueRow>(&*reader, QUEUE, "queue")? {
            check_version("queue", row.1.version)?;
            queues.insert(row.1.queue);
        }
        let mut deleted = HashMap::new();
        for (key, row) in scan::<DeletedRow>(&*reader, DELETED, "deleted queue")? {
            check_version("deleted queue", row.version)?;
            deleted.insert(key, row);
        }
        let moves = MoveTasks::open(&*reader)?;
        let mut catalog = Self {
            rows: RareWriter::new(shard, health, "the catalog"),
            clock,
            settings,
            queues,
            has_changed: false,
            deleted,
            removed: BTreeSet::new(),
            moves,
            published,
            version: 0,
        };
        let keys = catalog.queues.queues().map(|queue| queue.key.clone());
        for key in keys.collect::<Vec<_>>() {
            catalog.derive(&key);
        }
        catalog.published.set(catalog.queues.clone());
        Ok(catalog)
    }

    /// Partitions whose queues were deleted, perhaps without the removal having finished.
    pub(super) fn left_over(&self) -> Vec<PartitionPlace> {
        self.deleted.values().flat_map(|row| row.partitions.iter().copied()).collect()
    }

    /// Makes the job that decides and applies one change.
    pub(super) fn job<T, E>(
        key: QueueKey,
        decide: impl FnOnce(Entry<'_>, u64) -> Result<(QueueChange, T), E> + Send + 'static,
        reply: oneshot::Sender<Result<T, E>>,
    ) -> Job
    where
        T: Send + 'static,
        E: From<BrokerError> + Send + 'static,
    {
        Box::new(move |catalog| {
            let now_ms = catalog.clock.now_ms();
            let decided = decide(catalog.entry(&key, now_ms), now_ms);
            // Whoever asked may be gone; the change stands either way.
            match decided {
                Err(refusal) => Decided::nothing(move |_| drop(reply.send(Err(refusal)))),
                Ok((change, value)) => {
                    let (batch, dropped) = catalog.apply(key, change, now_ms);
                    let done = Box::new(move |outcome: Result<(), BrokerError>| {
                        drop(reply.send(outcome.map(|()| value).map_err(E::from)));
                    });
                    Decided { batch, dropped: dropped.into_iter().collect(), done }
                }
            }
        })
    }

    fn entry(&self, key: &QueueKey, now_ms: u64) -> Entry<'_> {
        if let Some(queue) = self.queues.get(key) {
            return Entry::Present(queue);
        }
        match self.deleted.get(key) {
            Some(row) if now_ms.saturating_sub(row.at_ms) < DELETED_KEPT_MS => {
                Entry::Deleted { at_ms: row.at_ms }
            }
            Some(_) | None => Entry::Absent,
        }
    }

    fn apply(
        &mut self,
        key: QueueKey,
        change: QueueChange,
        now_ms: u64,
    ) -> (Batch, Option<Dropped>) {
        let mut batch = Batch::new();
        self.forget_deleted(&mut batch, now_ms);
        match change {
            QueueChange::None => (batch, None),
            QueueChange::Put(mut queue) => {
                if queue.partitions.is_empty() {
                    queue.partitions.push(self.next_place());
                    put(&mut batch, SETTINGS.to_vec(), &self.settings);
                }
                if self.deleted.remove(&key).is_some() {
                    batch.delete(Space::Rows, row_key(DELETED, &key));
                }
                let row = QueueRow { version: VERSION, queue };
                put(&mut batch, row_key(QUEUE, &key), &row);
                let is_new = self.queues.insert(row.queue).is_none();
                self.derive(&key);
                if is_new {
                    self.derive_sources(&key);
                }
                self.has_changed = true;
                (batch, None)
            }
            QueueChange::Delete => {
                self.has_changed = true;
                self.moves.forget(&key, &mut batch);
                let partitions = self
                    .queues
                    .remove(&key)
                    .map_or_else(Vec::new, |queue| queue.partitions.clone());
                let row =
                    DeletedRow { version: VERSION, at_ms: now_ms, partitions: partitions.clone() };
                batch.delete(Space::Rows, row_key(QUEUE, &key));
                put(&mut batch, row_key(DELETED, &key), &row);
                self.deleted.insert(key.clone(), row);
                self.derive_sources(&key);
                (batch, Some((key, partitions)))
            }
        }
    }

    /// Brings what is derived of a queue up to date.
    fn derive(&mut self, key: &QueueKey) {
        let Some(queue) = self.queues.get(key) else { return };
        let target = queue.attributes.redrive_policy.as_ref().map(|redrive| &redrive.target);
        let place = target
            .and_then(|target| self.queues.get(target))
            .and_then(|target| target.partitions.first());
        let dead_letters = place.map(|place| place.partition);
        self.version += 1;
        let derived = Derived { version: self.version, dead_letters };
        let queue = Queue { derived, ..Queue::clone(queue) };
        self.queues.insert(queue);
    }

    /// The same for every queue whose dead-letter queue was created or deleted.
    fn derive_sources(&mut self, target: &QueueKey) {
        for source in self.queues.sources(target) {
            self.derive(&source);
        }
    }

    /// Forgets queues that were deleted long enough ago and whose partitions are gone.
    fn forget_deleted(&mut self, batch: &mut Batch, now_ms: u64) {
        for _ in 0..FORGOTTEN_MAX {
            let Some((at_ms, _)) = self.removed.first() else { return };
            if now_ms.saturating_sub(*at_ms) < DELETED_KEPT_MS {
                return;
            }
            let Some((at_ms, key)) = self.removed.pop_first() else { return };
            // The name may have been used again, and again for a queue that was deleted.
            let is_same = |row: &DeletedRow| row.partitions.is_empty() && row.at_ms == at_ms;
            if self.deleted.get(&key).is_some_and(is_same) {
                self.deleted.remove(&key);
                batch.delete(Space::Rows, row_key(DELETED, &key));
            }
        }
    }

    fn next_place(&mut self) -> PartitionPlace {
        let partition = self.settings.next_partition;
        self.settings.next_partition += 1;
        let index = partition % u64::from(self.settings.shards);
        let shard = u16::try_from(index + 1).expect("the number of shards is a u16");
        PartitionPlace { partition, shard }
    }

    /// Records that the partitions of deleted queues are gone.
    fn removed(&mut self, keys: &[QueueKey]) -> Batch {
        let mut batch = Batch::new();
        for key in keys {
            if let Some(row) = self.deleted.get_mut(key) {
                row.partitions.clear();
                put(&mut batch, row_key(DELETED, key), row);
                self.removed.insert((row.at_ms, key.clone()));
            }
        }
        batch
    }

    /// Records that what [`Self::left_over`] names is gone, so that the next start does not remove it again.
    pub(super) async fn left_over_removed(&mut self) -> Result<(), BrokerError> {
        let mut batch = Batch::new();
        for (key, row) in &mut self.deleted {
            self.removed.insert((row.at_ms, key.clone()));
            if !row.partitions.is_empty() {
                row.partitions.clear();
                put(&mut batch, row_key(DELETED, key), row);
            }
        }
        self.commit(batch).await
    }

    /// Serves changes until every sender is gone. `remove` removes partitions and returns when that is durable.
    pub(super) async fn run<F>(
        mut self,
        mut jobs: mpsc::Receiver<Job>,
        remove: impl Fn(Vec<PartitionPlace>) -> F,
    ) where
        F: Future<Output = Result<(), BrokerError>>,
    {
        while let Some(job) = jobs.recv().await {
            if !self.rows.is_good() {
                // The job is dropped unseen, which its sender sees as a stopped catalog.
                continue;
            }
            let decided = job(&mut self);
            let mut outcome = self.commit(decided.batch).await;
            if outcome.is_ok() && std::mem::take(&mut self.has_changed) {
                self.published.set(self.queues.clone());
            }
            if outcome.is_ok() && !decided.dropped.is_empty() {
                let (keys, partitions): (Vec<_>, Vec<_>) = decided.dropped.into_iter().unzip();
                outcome = remove(partitions.concat()).await;
                if outcome.is_ok() {
                    let batch = self.removed(&keys);
                    outcome = self.commit(batch).await;
                }
            }
            (decided.done)(outcome);
        }
    }

    async fn commit(&mut self, batch: Batch) -> Result<(), BrokerError> {
        self.rows.commit(batch).await.map_err(|NotDurable| BrokerError::Stopped)
    }
}

impl Decided {
    fn nothing(done: impl FnOnce(Result<(), BrokerError>) + Send + 'static) -> Self {
        Self { batch: Batch::new(), dropped: Vec::new(), done: Box::new(done) }
    }
}

/// Account, region and name contain no zero byte; it separates them.
fn row_key(table: u8, key: &QueueKey) -> Vec<u8> {
    let mut bytes = vec![table];
    for part in [&key.account, &key.region] {
        bytes.extend_from_slice(part.as_bytes());
        bytes.push(0);
    }
    bytes.extend_from_slice(key.name.as_bytes());
    bytes
}

fn queue_key(bytes: &[u8]) -> Option<QueueKey> {
    let text = std::str::from_utf8(bytes.get(1..)?).ok()?;
    let mut parts = text.splitn(3, '\0').map(str::to_owned);
    Some(QueueKey { account: parts.next()?, region: parts.next()?, name: parts.next()? })
}

fn put<T: Serialize>(batch: &mut Batch, key: Vec<u8>, row: &T) {
    let value = serde_json::to_vec(row).expect("catalog rows have text keys and finite numbers");
    batch.put(Space::Rows, key, value);
}

fn decode<T: DeserializeOwned>(row: &'static str, bytes: &[u8]) -> Result<T, CatalogError> {
    serde_json::from_slice(bytes).map_err(|source| CatalogError::Row { row, source: Some(source) })
}

fn check_version(row: &'static str, version: u32) -> Result<(), CatalogError> {
    if version == VERSION { Ok(()) } else { Err(CatalogError::Row { row, source: None }) }
}

fn scan<T: DeserializeOwned>(
    reader: &dyn Reader,
    table: u8,
    row: &'static str,
) -> Result<Vec<(QueueKey, T)>, CatalogError> {
    let mut all = Vec::new();
    let mut start = vec![table];
    loop {
        let page = reader.scan(Space::Rows, start.as_slice()..&[table + 1], PAGE_ROWS)?;
        for (key, bytes) in &page {
            let name = queue_key(key).ok_or(CatalogError::Row { row, source: None })?;
            all.push((name, decode(row, bytes)?));
        }
        match page.last() {
            Some((key, _)) if page.len() == PAGE_ROWS => {
                start.clone_from(key);
                start.push(0);
            }
            Some(_) | None => return Ok(all),
        }
    }
}

/// A bad partition row names itself like a bad catalog row.
impl From<BadRow> for CatalogError {
    fn from(bad: BadRow) -> Self {
        Self::Row { row: bad.row, source: None }
    }
}
