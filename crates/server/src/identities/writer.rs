//! The task that changes identities: one change after the other, answered when it is durable.

use std::sync::Arc;

use sluice_store::Shard;
use tokio::sync::{mpsc, oneshot};

use super::handle::IdentitiesStopped;
use super::snapshot::{Draft, Published};
use crate::broker::{Health, NotDurable, RareWriter};
use crate::clock::Clock;

/// Changes that may wait for the task.
pub(super) const CHANGES_MAX: usize = 1_024;

/// A change on its way to the task.
pub(super) type Job = Box<dyn FnOnce(&Writer) -> Decided + Send>;

/// What a change decided, and whom to tell when it is durable.
pub(super) struct Decided {
    /// None if nothing changes.
    draft: Option<Draft>,
    done: Box<dyn FnOnce(Result<(), IdentitiesStopped>) + Send>,
}

/// Owned by the task.
pub(super) struct Writer {
    rows: RareWriter,
    published: Published,
    clock: Arc<dyn Clock>,
}

impl Writer {
    pub(super) fn new(
        shard: Box<dyn Shard>,
        published: Published,
        clock: Arc<dyn Clock>,
        health: Health,
    ) -> Self {
        Self { rows: RareWriter::new(shard, health, "the identities"), published, clock }
    }

    /// Makes the job that decides one change.
    pub(super) fn job<T, E>(
        decide: impl FnOnce(&mut Draft, u64) -> Result<T, E> + Send + 'static,
        reply: oneshot::Sender<Result<T, E>>,
    ) -> Job
    where
        T: Send + 'static,
        E: From<IdentitiesStopped> + Send + 'static,
    {
        Box::new(move |writer| {
            let mut draft = Draft::of(&writer.published.get());
            // Whoever asked may be gone; the change stands either way.
            match decide(&mut draft, writer.clock.now_ms()) {
                Err(refusal) => {
                    Decided { draft: None, done: Box::new(move |_| drop(reply.send(Err(refusal)))) }
                }
                Ok(value) => Decided {
                    draft: Some(draft),
                    done: Box::new(move |outcome| {
                        drop(reply.send(outcome.map(|()| value).map_err(E::from)));
                    }),
                },
            }
        })
    }

    /// Serves changes until every sender is gone.
    pub(super) async fn run(self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(job) = jobs.recv().await {
            if !self.rows.is_good() {
                // The job is dropped unseen, which its sender sees as a stopped task.
                continue;
            }
            let decided = job(&self);
            let outcome = match decided.draft {
                None => Ok(()),
                Some(draft) => self.commit(draft).await,
            };
            (decided.done)(outcome);
        }
    }

    /// Makes a change durable, and lets everyone see it then.
    async fn commit(&self, draft: Draft) -> Result<(), IdentitiesStopped> {
        let (snapshot, batch) = draft.into_parts();
        if batch.is_empty() {
            return Ok(());
        }
        self.rows.commit(batch).await.map_err(|NotDurable| IdentitiesStopped)?;
        self.published.set(snapshot);
        Ok(())
    }
}
