//! Starting and joining the broker's threads and tasks; the only place that starts any.

use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};

use sluice_store::{Reader, ShardId, Store, StoreError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::admission::{Admission, MAILBOX_MAX};
use super::calls::{ShardHandle, Shared, millis};
use super::catalog::{CHANGES_MAX, Catalog, CatalogError, Published};
use super::error::BrokerError;
use super::handle::Broker;
use super::health::Health;
use super::measure::look_at_all;
use super::move_tasks;
use super::partition;
use super::receipt::ReceiptKey;
use super::release::releases;
use super::shard::ShardThread;
use super::transfer::carry_all;
use crate::clock::Clock;
use crate::encryption::{self, Encryption};
use crate::{identities, keys, random};

/// The catalog's shard.
pub(super) const CATALOG_SHARD: ShardId = ShardId(0);
/// Shards that are not the broker's.
pub(super) const OTHER_SHARDS: [ShardId; 3] = [identities::SHARD, encryption::SHARD, keys::SHARD];

/// Settings of the broker.
#[derive(Debug, Clone)]
pub struct BrokerConfig {
    /// Shards of a new store; an existing one keeps its number.
    pub shards: u16,
    /// Messages in flight per queue.
    pub in_flight_max: u32,
    /// A message may stay hidden this long after a receive, s (contract §4.2).
    pub visibility_timeout_secs_max: u32,
    /// Encrypts the bodies of queues that ask for it.
    pub encryption: Option<Encryption>,
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
    /// What is wrong with the store, with nothing left that uses it.
    pub async fn start(
        store: Arc<dyn Store>,
        config: BrokerConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let published = Published::default();
        let health = Health::default();
        let mut catalog = open_catalog(&store, config.shards, &health, &clock, &published).await?;
        let (jobs, changes) = mpsc::channel(CHANGES_MAX);
        let mut shared = Shared {
            store,
            published,
            jobs: Mutex::new(Some(jobs)),
            shards: Vec::new(),
            receipts: ReceiptKey::new(&catalog.settings.receipt_secret),
            health,
            is_draining: AtomicBool::new(false),
            next_request: AtomicU64::new(1),
            in_flight_max: config.in_flight_max as usize,
            visibility_max_ms: millis(config.visibility_timeout_secs_max),
            encryption: config.encryption,
            transfers: Arc::default(),
            has_virtual_clock: clock.is_virtual(),
            refusals: Arc::default(),
            running: Running::default(),
        };
        let mut numbers = 1..=catalog.settings.shards;
        let mut opened = numbers.try_for_each(|number| shared.open_shard(number, &clock));
        let shared = Arc::new(shared);
        if opened.is_ok() {
            opened = shared.remove_left_over(&mut catalog).await.map_err(StartError::LeftOver);
        }
        let broker = Self { shared };
        if let Err(error) = opened {
            broker.shutdown().await;
            return Err(error);
        }
        let shared = &broker.shared;
        let remover = Arc::downgrade(shared);
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
            shared.running.move_task(move_tasks::run(Arc::clone(shared), task, halt));
        }
        shared.running.task(catalog.run(changes, remove));
        shared.running.task(carry_all(Arc::clone(&shared.transfers), Arc::downgrade(shared)));
        shared.running.task(look_at_all(Arc::downgrade(shared), shared.running.move_halt()));
        Ok(broker)
    }
}

impl Shared {
    /// Opens a shard and starts its two threads.
    fn open_shard(&mut self, number: u16, clock: &Arc<dyn Clock>) -> Result<(), StartError> {
        let shard = self.store.open_shard(ShardId(number))?;
        let reader: Arc<dyn Reader> = shard.reader();
        for partition in partition::with_departures(&*reader)
            .map_err(|fault| StartError::Departures(fault.to_string()))?
        {
            self.transfers.departed(partition, 0);
        }
        let (mailbox, requests) = sync_channel(MAILBOX_MAX);
        let mailbox = Arc::new(mailbox);
        let watch = || self.health.watch(format!("shard {number}"));
        let (releases, releaser) = releases(&mailbox, self.health.clone(), watch());
        let thread = ShardThread::new(
            shard,
            Arc::clone(clock),
            self.health.clone(),
            watch(),
            self.published.clone(),
            Arc::clone(&self.transfers),
            releases,
        );
        self.running.thread(format!("release-{number}"), move || releaser.run())?;
        self.running.thread(format!("shard-{number}"), move || thread.run(&requests))?;
        let admission = Arc::new(Admission::new(Arc::clone(&self.refusals)));
        self.shards.push(Arc::new(ShardHandle::new(mailbox, admission, reader)));
        Ok(())
    }

    /// Removes the partitions of deleted queues whose removal had not finished.
    async fn remove_left_over(self: &Arc<Self>, catalog: &mut Catalog) -> Result<(), BrokerError> {
        Arc::clone(self).remove(catalog.left_over()).await?;
        catalog.left_over_removed().await
    }
}

impl Running {
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
    shards: u16,
    health: &Health,
    clock: &Arc<dyn Clock>,
    published: &Published,
) -> Result<Catalog, StartError> {
    let shard = store.open_shard(CATALOG_SHARD)?;
    let secret = random::bytes();
    let (health, clock, published) = (health.clone(), Arc::clone(clock), published.clone());
    // Opening waits for the disk, which a task must not.
    let opened = tokio::task::spawn_blocking(move || {
        Catalog::open(shard, health, clock, shards, secret, published)
    });
    Ok(opened.await.map_err(std::io::Error::other)??)
}
