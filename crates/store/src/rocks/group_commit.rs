//! The thread that syncs the log, once for all commits that arrived meanwhile.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use super::database::Database;
use crate::StoreError;
use crate::ticket::TicketSender;

/// Commits that may wait for a sync; beyond that, committing waits for the disk after all.
const COMMITS_PENDING_MAX: usize = 65_536;

/// What is sent to the thread.
pub(super) enum Request {
    /// Complete the ticket of a commit that is written.
    Sync(TicketSender),
    /// Sync what is pending, then end.
    Stop,
}

/// The running thread and the way to it.
pub(super) struct GroupCommit {
    pub(super) requests: SyncSender<Request>,
    thread: JoinHandle<()>,
}

impl GroupCommit {
    pub(super) fn start(database: Arc<Database>) -> Result<Self, StoreError> {
        let (requests, receiver) = sync_channel(COMMITS_PENDING_MAX);
        let thread = Builder::new()
            .name("store-sync".to_owned())
            .spawn({
                let database = database.clone();
                move || run(&database, &receiver)
            })
            .map_err(|error| StoreError::io("start the sync thread of", database.path(), error))?;
        Ok(Self { requests, thread })
    }

    /// Syncs what is pending and ends the thread; later requests find nobody.
    pub(super) fn stop(self) {
        // Either fails only if the thread has ended already.
        drop(self.requests.send(Request::Stop));
        if self.thread.join().is_err() {
            tracing::error!("the sync thread panicked");
        }
    }
}

fn run(database: &Database, requests: &Receiver<Request>) {
    let mut group = Vec::new();
    let mut is_stopping = false;
    while !is_stopping {
        let Ok(first) = requests.recv() else { return };
        for request in std::iter::once(first).chain(requests.try_iter().take(COMMITS_PENDING_MAX)) {
            match request {
                Request::Sync(ticket) => group.push(ticket),
                Request::Stop => is_stopping = true,
            }
        }
        if group.is_empty() {
            continue;
        }
        let outcome = database.sync_group(group.len());
        for ticket in group.drain(..) {
            ticket.complete(outcome.clone());
        }
    }
}
