//! Deleting every queue at once, for a server under test.

use sluice_store::{Batch, Space};
use tokio::sync::oneshot;

use super::{Catalog, DELETED, Decided, DeletedRow, Job, QUEUE, VERSION, put, row_key};
use crate::broker::error::BrokerError;

/// The time of deletion of queues whose names can be used again at once.
const LONG_AGO_MS: u64 = 0;

impl Catalog {
    /// Makes the job that deletes every queue, and forgets which were deleted before. The answer is the number of queues.
    pub(in crate::broker) fn reset_job(reply: oneshot::Sender<Result<usize, BrokerError>>) -> Job {
        Box::new(move |catalog| {
            let (batch, dropped) = catalog.delete_all();
            let count = dropped.len();
            // Whoever asked may be gone; the queues are gone either way.
            let done = Box::new(move |outcome: Result<(), BrokerError>| {
                drop(reply.send(outcome.map(|()| count)));
            });
            Decided { batch, dropped, done }
        })
    }

    fn delete_all(&mut self) -> (Batch, Vec<super::Dropped>) {
        let mut batch = Batch::new();
        self.has_changed = true;
        for (key, row) in &mut self.deleted {
            row.at_ms = LONG_AGO_MS;
            put(&mut batch, row_key(DELETED, key), row);
            self.removed.insert((row.at_ms, key.clone()));
        }
        let queues = std::mem::take(&mut self.queues);
        let mut dropped = Vec::new();
        for queue in queues.queues() {
            let (key, partitions) = (queue.key.clone(), queue.partitions.clone());
            let row =
                DeletedRow { version: VERSION, at_ms: LONG_AGO_MS, partitions: partitions.clone() };
            self.moves.forget(&key, &mut batch);
            batch.delete(Space::Rows, row_key(QUEUE, &key));
            put(&mut batch, row_key(DELETED, &key), &row);
            self.deleted.insert(key.clone(), row);
            dropped.push((key, partitions));
        }
        (batch, dropped)
    }
}
