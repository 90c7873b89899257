//! Starting and joining the broker's threads and tasks; the only place that starts any.

use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use rand::Rng;
use sluice_store::{Reader, ShardId, Store, StoreError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::admission::{Admission, MAILBOX_MAX, Refusals};
use super::calls::{ShardHandle, Shared, millis};
use super::catalog::{CHANGES_MAX, Catalog, CatalogError, Published};
use super::error::BrokerError;
use super::handle::Broker;
use super::health::Health;
use super::measure::look_at_all;
use super::move_tasks;
use super::partition;
use super::receipt::ReceiptKey;
use super::release::{Releases, releases};
use super::shard::{ShardRequest, ShardThread};
use super::transfer::{Transfers, carry_all};
use crate::clock::Clock;

/// The catalog's shard.
pub(super) const CATALOG_SHARD: ShardId = ShardId(0);

/// Settings of the broker.
#[derive(Debug, Clone, Copy)]
pub struct BrokerConfig {
    /// Shards of a new store; an existing one keeps its number.
    pub shards: u16,
    /// Messages in flight per queue.
    pub in_flight_max: u32,
    /// A message may stay hidden this long after a receive, s (contract §4.2).
    pub visibility_timeout_secs_max: u32,
}

/// Why the broker did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The catalog cannot be opened.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A shard cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is left to be moved to other queues cannot be read.
    #[error("cannot read which messages are on their way to another queue: {0}")]
    Departures(String),
    /// A thread cannot be started.
    #[error("cannot start a thread for a shard")]
    Thread(#[from] std::io::Error),
    /// The partitions of deleted queues cannot be removed.
    #[error("cannot remove what is left of deleted queues")]
    LeftOver(#[source] BrokerError),
}

/// The broker's threads and tasks, to be joined at the end.
#[derive(Default)]
pub(super) struct Running {
    threads: Mutex<Vec<std::thread::JoinHandle<()>>>,
    tasks: Mutex<Vec<tokio::task::JoinHandle<()>>>,
    /// Runs of move tasks, which come and go.
    moves: TaskTracker,
    moves_halt: CancellationToken,
    /// Receives whose clients went away.
    lost_answers: TaskTracker,
}

impl Running {
    /// Runs a move task.
    pub(super) fn move_task(&self, run: impl Future<Output = ()> + Send + 'static) {
        self.moves.spawn(run);
    }

    /// What halts one new move task, and is halted with all.
    pub(super) fn move_halt(&self) -> CancellationToken {
        self.moves_halt.child_token()
    }

    /// Halts every move task, and waits until each has reported how far it came.
    pub(super) async fn halt_moves(&self) {
        self.moves_halt.cancel();
        self.moves.close();
        self.moves.wait().await;
    }

    /// Sees to the answer of a receive whose client went away. Without a runtime the server is gone as well.
    pub(super) fn lost_answer(&self, answer: impl Future<Output = ()> + Send + 'static) {
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            self.lost_answers.spawn_on(answer, &runtime);
        }
    }

    pub(super) async fn join(&self) {
        for task in take(&self.tasks) {
            // A task that panicked has been reported by the panic hook.
            drop(task.await);
        }
        // One that the catalog started last was halted before its first batch.
        self.moves.wait().await;
        for thread in take(&self.threads) {
            // By now the shard has committed its last batch; what is left is the end of its thread.
            drop(thread.join());
        }
        // With the shards their senders are gone.
        self.lost_answers.close();
        self.lost_answers.wait().await;
    }
}

fn take<T>(list: &Mutex<Vec<T>>) -> Vec<T> {
    std::mem::take(&mut list.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
}

impl Broker {
    /// Opens the catalog and the shards and starts their threads.
    ///
    /// # Errors
    /// What is wrong with the store.
    pub async fn start(
        store: Arc<dyn Store>,
        config: BrokerConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let published = Published::default();
        let mut catalog = open_catalog(&store, config, &clock, &published).await?;
        let health = Health::default();
        let running = Running::default();
        let transfers = Arc::new(Transfers::default());
        let refusals = Arc::new(Refusals::default());
        let mut shards = Vec::new();
        for number in 1..=catalog.settings.shards {
            let shard = store.open_shard(ShardId(number))?;
            let reader: Arc<dyn Reader> = shard.reader();
            for partition in partition::with_departures(&*reader)
                .map_err(|fault| StartError::Departures(fault.to_string()))?
            {
                transfers.departed(partition, 0);
            }
            let (clock, transfers) = (Arc::clone(&clock), Arc::clone(&transfers));
            let (published, health) = (published.clone(), health.clone());
            let mailbox = running.shard(number, health.clone(), |releases| {
                ShardThread::new(shard, clock, health, published, transfers, releases)
            })?;
            let admission = Arc::new(Admission::new(Arc::clone(&refusals)));
            shards.push(Arc::new(ShardHandle::new(mailbox, admission, reader)));
        }
        let (jobs, changes) = mpsc::channel(CHANGES_MAX);
        let shared = Arc::new(Shared {
            store,
            published,
            jobs: Mutex::new(Some(jobs)),
            shards,
            receipts: ReceiptKey::new(&catalog.settings.receipt_secret),
            health: health.clone(),
            is_draining: AtomicBool::new(false),
            next_request: AtomicU64::new(1),
            in_flight_max: config.in_flight_max as usize,
            visibility_max_ms: millis(config.visibility_timeout_secs_max),
            transfers: Arc::clone(&transfers),
            has_virtual_clock: clock.is_virtual(),
            refusals,
            running,
        });
        let left_over = catalog.left_over();
        Arc::clone(&shared).remove(left_over).await.map_err(StartError::LeftOver)?;
        catalog.left_over_removed(&health).await.map_err(StartError::LeftOver)?;
        let remover = Arc::downgrade(&shared);
        let remove = move |places| {
            let shared = remover.upgrade();
            async move {
                match shared {
                    Some(shared) => shared.remove(places).await,
                    None => Err(BrokerError::Stopped),
                }
            }
        };
        for (task, halt) in catalog.moves.resume(|| shared.running.move_halt()) {
            shared.running.move_task(move_tasks::run(Arc::clone(&shared), task, halt));
        }
        shared.running.task(catalog.run(changes, health, remove));
        shared.running.task(carry_all(transfers, Arc::downgrade(&shared)));
        shared.running.task(look_at_all(Arc::downgrade(&shared), shared.running.move_halt()));
        Ok(Self { shared })
    }
}

impl Running {
    /// Starts the two threads of a shard, and returns the sending end of its mailbox.
    fn shard(
        &self,
        number: u16,
        health: Health,
        thread: impl FnOnce(Releases) -> ShardThread,
    ) -> std::io::Result<Arc<SyncSender<ShardRequest>>> {
        let (mailbox, requests) = sync_channel(MAILBOX_MAX);
        let mailbox = Arc::new(mailbox);
        let (releases, releaser) = releases(&mailbox, health);
        let thread = thread(releases);
        self.thread(format!("release-{number}"), move || releaser.run())?;
        self.thread(format!("shard-{number}"), move || thread.run(&requests))?;
        Ok(mailbox)
    }

    #[allow(clippy::disallowed_methods, reason = "this is the module that starts threads")]
    fn thread(&self, name: String, run: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        let thread = std::thread::Builder::new().name(name).spawn(run)?;
        self.threads.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(thread);
        Ok(())
    }

    #[allow(clippy::disallowed_methods, reason = "this is the module that starts tasks")]
    fn task(&self, run: impl Future<Output = ()> + Send + 'static) {
        let task = tokio::spawn(run);
        self.tasks.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(task);
    }
}

async fn open_catalog(
    store: &Arc<dyn Store>,
    config: BrokerConfig,
    clock: &Arc<dyn Clock>,
    published: &Published,
) -> Result<Catalog, StartError> {
    let shard = store.open_shard(CATALOG_SHARD)?;
    let secret = new_secret();
    let (clock, published) = (Arc::clone(clock), published.clone());
    // Opening waits for the disk, which a task must not.
    let opened = tokio::task::spawn_blocking(move || {
        Catalog::open(shard, clock, config.shards, secret, published)
    });
    Ok(opened.await.map_err(std::io::Error::other)??)
}

/// The secret of a new data directory's receipt handles.
#[allow(
    clippy::disallowed_methods,
    reason = "secrets are the one thing that must not be an argument"
)]
fn new_secret() -> [u8; 32] {
    let mut secret = [0; 32];
    rand::rng().fill_bytes(&mut secret);
    secret
}
