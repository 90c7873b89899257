//! Move tasks in the catalog: the newest of each source, on disk and in memory.
//!
//! Their keys sort by source and time of the start.

use std::collections::{HashMap, VecDeque};

use sluice_store::{Batch, Reader, Space};
use tokio_util::sync::CancellationToken;

use super::{Catalog, CatalogError, Decided, Job, VERSION, check_version, put, row_key, scan};
use crate::broker::error::BrokerError;
use crate::broker::move_tasks::{
    MOVES_PER_ACCOUNT_MAX, MoveEnd, MoveError, MoveStatus, MoveTask, TASKS_KEPT,
};
use crate::broker::queue::QueueKey;
use serde::{Deserialize, Serialize};

pub(super) const MOVE_TASK: u8 = b't';

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct MoveTaskRow {
    pub(super) version: u32,
    task: MoveTask,
}

/// The move tasks of every source.
#[derive(Debug, Default)]
pub(in crate::broker) struct MoveTasks {
    /// Newest first, at most [`TASKS_KEPT`]. Only the newest can be active.
    by_source: HashMap<QueueKey, VecDeque<MoveTask>>,
    /// Halts the runs of the active tasks, by id.
    halts: HashMap<String, CancellationToken>,
}

impl Catalog {
    /// Makes the job that decides and applies a change of move tasks.
    pub(in crate::broker) fn move_job<T: Send + 'static>(
        decide: impl FnOnce(&mut MoveTasks, &mut Batch, u64) -> Result<T, MoveError> + Send + 'static,
        done: impl FnOnce(Result<T, MoveError>) + Send + 'static,
    ) -> Job {
        Box::new(move |catalog| {
            let now_ms = catalog.clock.now_ms();
            let mut batch = Batch::new();
            let decided = decide(&mut catalog.moves, &mut batch, now_ms);
            Decided { batch, dropped: Vec::new(), done: settled(decided, done) }
        })
    }

    /// Makes the job that starts a move task whose source still exists.
    pub(in crate::broker) fn start_move_job(
        task: MoveTask,
        halt: CancellationToken,
        done: impl FnOnce(Result<MoveTask, MoveError>) + Send + 'static,
    ) -> Job {
        Box::new(move |catalog| {
            let now_ms = catalog.clock.now_ms();
            let mut batch = Batch::new();
            let decided = match catalog.queues.get(&task.source).is_some() {
                true => catalog.moves.start(task, halt, &mut batch, now_ms),
                false => Err(BrokerError::QueueGone.into()),
            };
            Decided { batch, dropped: Vec::new(), done: settled(decided, done) }
        })
    }
}

/// Passes a decision on when it is durable.
fn settled<T: Send + 'static>(
    decided: Result<T, MoveError>,
    done: impl FnOnce(Result<T, MoveError>) + Send + 'static,
) -> Box<dyn FnOnce(Result<(), BrokerError>) + Send> {
    Box::new(move |outcome| done(decided.and_then(|value| Ok(outcome.map(|()| value)?))))
}

impl MoveTasks {
    /// Reads every task.
    pub(super) fn open(reader: &dyn Reader) -> Result<Self, CatalogError> {
        let mut moves = Self::default();
        for (_, row) in scan::<MoveTaskRow>(reader, MOVE_TASK, "move task")? {
            check_version("move task", row.version)?;
            moves.by_source.entry(row.task.source.clone()).or_default().push_front(row.task);
        }
        Ok(moves)
    }

    /// The tasks that were active when the broker stopped, each with what halts it. One that was being cancelled is
    /// halted at once.
    pub(in crate::broker) fn resume(
        &mut self,
        new_halt: impl Fn() -> CancellationToken,
    ) -> Vec<(MoveTask, CancellationToken)> {
        let active = self.by_source.values().filter_map(VecDeque::front);
        let resumed: Vec<_> = active
            .filter(|task| task.is_active())
            .map(|task| (task.clone(), new_halt()))
            .inspect(|(task, halt)| {
                if task.status == MoveStatus::Cancelling {
                    halt.cancel();
                }
            })
            .collect();
        let halts = resumed.iter().map(|(task, halt)| (task.id.clone(), halt.clone()));
        self.halts.extend(halts);
        resumed
    }

    /// The tasks of a source, newest first.
    pub(in crate::broker) fn of(&self, source: &QueueKey) -> Vec<MoveTask> {
        self.by_source.get(source).into_iter().flatten().cloned().collect()
    }

    fn start(
        &mut self,
        mut task: MoveTask,
        halt: CancellationToken,
        batch: &mut Batch,
        now_ms: u64,
    ) -> Result<MoveTask, MoveError> {
        let newest = self.by_source.get(&task.source).and_then(VecDeque::front);
        if newest.is_some_and(MoveTask::is_active) {
            return Err(MoveError::SourceBusy);
        }
        if self.active_in(&task.source.account) >= MOVES_PER_ACCOUNT_MAX {
            return Err(MoveError::TooManyActive);
        }
        // Keys sort by time, whatever the clock does.
        task.started_at_ms = newest.map_or(now_ms, |newest| now_ms.max(newest.started_at_ms + 1));
        put_task(batch, &task);
        self.halts.insert(task.id.clone(), halt);
        let tasks = self.by_source.entry(task.source.clone()).or_default();
        tasks.push_front(task.clone());
        for old in tasks.drain(TASKS_KEPT.min(tasks.len())..) {
            batch.delete(Space::Rows, task_key(&old));
        }
        Ok(task)
    }

    fn active_in(&self, account: &str) -> usize {
        let newest = self.by_source.values().filter_map(VecDeque::front);
        newest.filter(|task| task.source.account == account && task.is_active()).count()
    }

    /// Tells a running task to stop; it reports when it has.
    pub(in crate::broker) fn cancel(
        &mut self,
        source: &QueueKey,
        id: &str,
        batch: &mut Batch,
    ) -> Result<u64, MoveError> {
        let task = self.task(source, id)?;
        if task.status != MoveStatus::Running {
            return Err(MoveError::NotRunning);
        }
        task.status = MoveStatus::Cancelling;
        put_task(batch, task);
        let moved = task.moved;
        if let Some(halt) = self.halts.get(id) {
            halt.cancel();
        }
        Ok(moved)
    }

    /// Records how far a task has come, and whether its run ended.
    pub(in crate::broker) fn report(
        &mut self,
        source: &QueueKey,
        id: &str,
        moved: u64,
        end: Option<MoveEnd>,
        batch: &mut Batch,
        now_ms: u64,
    ) -> Result<MoveTask, MoveError> {
        let task = self.task(source, id)?;
        let status = task.status.after(end, now_ms.saturating_sub(task.started_at_ms));
        if (task.status, task.moved) != (status, moved) {
            task.status = status;
            task.moved = moved;
            put_task(batch, task);
        }
        let reported = task.clone();
        if !reported.is_active() {
            self.halts.remove(id);
        }
        Ok(reported)
    }

    /// Forgets the tasks of a source that is deleted.
    pub(super) fn forget(&mut self, source: &QueueKey, batch: &mut Batch) {
        for task in self.by_source.remove(source).into_iter().flatten() {
            batch.delete(Space::Rows, task_key(&task));
            if let Some(halt) = self.halts.remove(&task.id) {
                halt.cancel();
            }
        }
    }

    fn task(&mut self, source: &QueueKey, id: &str) -> Result<&mut MoveTask, MoveError> {
        let mut tasks = self.by_source.get_mut(source).into_iter().flatten();
        tasks.find(|task| task.id == id).ok_or(MoveError::NoSuchTask)
    }
}

fn put_task(batch: &mut Batch, task: &MoveTask) {
    put(batch, task_key(task), &MoveTaskRow { version: VERSION, task: task.clone() });
}

/// The source, the start with as many digits as a number can have, and the id, separated by zero bytes.
fn task_key(task: &MoveTask) -> Vec<u8> {
    let mut key = row_key(MOVE_TASK, &task.source);
    key.extend_from_slice(format!("\0{:020}\0{}", task.started_at_ms, task.id).as_bytes());
    key
}
