//! What changes rarely and is read by everyone: one task makes one change after the other durable, and an immutable snapshot of
//! everything is published after each.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use sluice_store::{Batch, Shard};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::broker::{Health, NotDurable, RareWriter};
use crate::clock::Clock;

pub(crate) mod rows;

/// Changes that may wait for the task.
const CHANGES_MAX: usize = 1_024;

/// A change under decision. Dropped, it changes nothing.
pub(crate) trait Change: Sized + Send + 'static {
    /// Everything at one moment.
    type Snapshot: Send + Sync + 'static;
    /// Why nothing can be changed any more: the store failed, or the server stops.
    type Stopped: Send + 'static;

    /// Begins a change.
    fn of(snapshot: &Self::Snapshot) -> Self;

    /// Everything as it will be, and the rows that make it so.
    fn into_parts(self) -> (Self::Snapshot, Batch);

    /// Whether it removes what must be in no file any more.
    fn erases(&self) -> bool {
        false
    }

    /// Tells that nothing can be changed.
    fn stopped() -> Self::Stopped;
}

/// The published snapshot. The lock is held only to copy a pointer.
struct Published<S>(RwLock<Arc<S>>);

impl<S> Published<S> {
    fn get(&self) -> Arc<S> {
        // A pointer swap cannot leave the snapshot half written, so a poisoned lock is as good as any.
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn set(&self, snapshot: S) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
    }
}

/// The handle in front: reads the snapshot, and has changes made.
pub(crate) struct RareChanges<C: Change> {
    published: Arc<Published<C::Snapshot>>,
    /// Gone after the shutdown.
    jobs: Mutex<Option<mpsc::Sender<Job<C>>>>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl<C: Change> RareChanges<C> {
    /// Starts the task that changes what was read from a shard; `who` is what is said to wait when the disk stands still.
    pub(crate) fn start(
        shard: Box<dyn Shard>,
        snapshot: C::Snapshot,
        clock: Arc<dyn Clock>,
        health: Health,
        who: &str,
    ) -> Self {
        let published = Arc::new(Published(RwLock::new(Arc::new(snapshot))));
        let rows = RareWriter::new(shard, health, who);
        let writer = Writer::<C> { rows, published: Arc::clone(&published), clock };
        let (jobs, changes) = mpsc::channel(CHANGES_MAX);
        let task = Mutex::new(Some(spawn(writer.run(changes))));
        Self { published, jobs: Mutex::new(Some(jobs)), task }
    }

    /// Everything at this moment. Never waits.
    pub(crate) fn snapshot(&self) -> Arc<C::Snapshot> {
        self.published.get()
    }

    /// Decides and makes a change. It is durable when this returns, and seen by everyone. `decide` gets the time in epoch
    /// milliseconds; what it refuses changes nothing.
    pub(crate) async fn change<T, E>(
        &self,
        decide: impl FnOnce(&mut C, u64) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<C::Stopped> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let jobs = lock(&self.jobs).clone().ok_or_else(C::stopped)?;
        jobs.send(job(decide, reply)).await.map_err(|_| C::stopped())?;
        answer.await.unwrap_or_else(|_| Err(C::stopped().into()))
    }

    /// Makes the changes that wait, and ends the task.
    pub(crate) async fn shutdown(&self) {
        drop(lock(&self.jobs).take());
        let task = lock(&self.task).take();
        if let Some(task) = task {
            // A task that panicked has been reported by the panic hook.
            drop(task.await);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::disallowed_methods, reason = "this is the module that joins the task")]
fn spawn(run: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(run)
}

/// A change on its way to the task.
type Job<C> = Box<dyn FnOnce(&Writer<C>) -> Decided<C> + Send>;

/// What a change decided, and whom to tell when it is durable.
struct Decided<C: Change> {
    /// None if nothing changes.
    change: Option<C>,
    done: Box<dyn FnOnce(Result<(), C::Stopped>) + Send>,
}

/// Owned by the task.
struct Writer<C: Change> {
    rows: RareWriter,
    published: Arc<Published<C::Snapshot>>,
    clock: Arc<dyn Clock>,
}

/// Makes the job that decides one change.
fn job<C: Change, T, E>(
    decide: impl FnOnce(&mut C, u64) -> Result<T, E> + Send + 'static,
    reply: oneshot::Sender<Result<T, E>>,
) -> Job<C>
where
    T: Send + 'static,
    E: From<C::Stopped> + Send + 'static,
{
    Box::new(move |writer| {
        let mut change = C::of(&writer.published.get());
        // Whoever asked may be gone; the change stands either way.
        match decide(&mut change, writer.clock.now_ms()) {
            Err(refusal) => {
                Decided { change: None, done: Box::new(move |_| drop(reply.send(Err(refusal)))) }
            }
            Ok(value) => Decided {
                change: Some(change),
                done: Box::new(move |outcome| {
                    drop(reply.send(outcome.map(|()| value).map_err(E::from)));
                }),
            },
        }
    })
}

impl<C: Change> Writer<C> {
    /// Serves changes until every sender is gone.
    async fn run(self, mut jobs: mpsc::Receiver<Job<C>>) {
        while let Some(job) = jobs.recv().await {
            if !self.rows.is_good() {
                // The job is dropped unseen, which its sender sees as a stopped task.
                continue;
            }
            let decided = job(&self);
            let outcome = match decided.change {
                None => Ok(()),
                Some(change) => self.commit(change).await,
            };
            (decided.done)(outcome);
        }
    }

    /// Makes a change durable, and lets everyone see it then.
    async fn commit(&self, change: C) -> Result<(), C::Stopped> {
        let erases = change.erases();
        let (snapshot, batch) = change.into_parts();
        if batch.is_empty() {
            return Ok(());
        }
        self.rows.commit(batch).await.map_err(|NotDurable| C::stopped())?;
        self.published.set(snapshot);
        if erases {
            self.rows.erase_removed().await;
        }
        Ok(())
    }
}
