//! What services call to start, list and cancel move tasks, and how a running task reports.

use std::sync::Arc;

use sluice_store::Batch;
use tokio::sync::oneshot;

use super::run::run;
use super::task::{MoveEnd, MoveError, MoveStatus, MoveTask};
use crate::broker::calls::Shared;
use crate::broker::catalog::{Catalog, Job, MoveTasks};
use crate::broker::error::BrokerError;
use crate::broker::handle::Broker;
use crate::broker::queue::{Queue, QueueKey};

impl Broker {
    /// Starts to move the messages of `source`, at most `per_second_max` in a second: to `destination`, or each to the
    /// queue it came from. `id` is new. When this returns the task is durable: it goes on after a restart.
    ///
    /// # Errors
    /// [`MoveError::SourceBusy`], [`MoveError::TooManyActive`], or a fault of the broker.
    pub async fn start_move(
        &self,
        id: String,
        source: &Queue,
        destination: Option<QueueKey>,
        per_second_max: Option<u32>,
    ) -> Result<(), MoveError> {
        let task = MoveTask {
            id,
            source: source.key.clone(),
            destination,
            per_second_max,
            status: MoveStatus::Running,
            moved: 0,
            to_move: self.counters(source).await?.visible,
            started_at_ms: 0,
        };
        let halt = self.shared.running.move_halt();
        let (reply, answer) = oneshot::channel();
        let shared = Arc::clone(&self.shared);
        let job = Catalog::start_move_job(task, halt.clone(), move |started| {
            let started = started.map(|task| {
                let owner = Arc::clone(&shared);
                owner.running.move_task(run(shared, task, halt));
            });
            // Whoever asked may be gone; the task runs either way.
            drop(reply.send(started));
        });
        self.shared.decided(job, answer).await
    }

    /// The move tasks of a source, newest first: the active one, and at least the last ten before it.
    ///
    /// # Errors
    /// A fault of the broker.
    pub async fn moves(&self, source: &QueueKey) -> Result<Vec<MoveTask>, MoveError> {
        let source = source.clone();
        self.shared.change_moves(move |moves, _, _| Ok(moves.of(&source))).await
    }

    /// Tells a task to stop, and returns how many messages it has moved so far. It may move a few more.
    ///
    /// # Errors
    /// [`MoveError::NoSuchTask`], [`MoveError::NotRunning`], or a fault of the broker.
    pub async fn cancel_move(&self, source: &QueueKey, id: String) -> Result<u64, MoveError> {
        let source = source.clone();
        self.shared.change_moves(move |moves, batch, _| moves.cancel(&source, &id, batch)).await
    }
}

impl Shared {
    /// Records how far a task has come, and returns it as it is then.
    pub(super) async fn report_move(
        &self,
        task: &MoveTask,
        moved: u64,
        end: Option<MoveEnd>,
    ) -> Result<MoveTask, MoveError> {
        let (source, id) = (task.source.clone(), task.id.clone());
        self.change_moves(move |moves, batch, now_ms| {
            moves.report(&source, &id, moved, end, batch, now_ms)
        })
        .await
    }

    async fn change_moves<T: Send + 'static>(
        &self,
        decide: impl FnOnce(&mut MoveTasks, &mut Batch, u64) -> Result<T, MoveError> + Send + 'static,
    ) -> Result<T, MoveError> {
        let (reply, answer) = oneshot::channel();
        // Whoever asked may be gone; the change stands either way.
        let job = Catalog::move_job(decide, move |decided| drop(reply.send(decided)));
        self.decided(job, answer).await
    }

    /// Sends a job to the catalog and waits for its answer.
    async fn decided<T>(
        &self,
        job: Job,
        answer: oneshot::Receiver<Result<T, MoveError>>,
    ) -> Result<T, MoveError> {
        let jobs = self.jobs().ok_or(BrokerError::Stopped)?;
        jobs.send(job).await.map_err(|_| BrokerError::Stopped)?;
        answer.await.unwrap_or(Err(MoveError::Broker(BrokerError::Stopped)))
    }
}
