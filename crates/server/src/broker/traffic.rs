//! What went through a partition since it was opened.

use sluice_engine::{DeleteOutcome, Reply, SendOutcome};

/// Counts since the partition was opened, for the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Traffic {
    /// Messages sent.
    pub(super) sent: u64,
    /// Messages received, each receive counted.
    pub(super) received: u64,
    /// Messages deleted.
    pub(super) deleted: u64,
    /// Receives that returned nothing.
    pub(super) empty_receives: u64,
}

impl Traffic {
    /// Counts one answer.
    pub(super) fn count(&mut self, reply: &Reply) {
        match reply {
            Reply::Sent(sent) => {
                let is_new = |outcome: &&SendOutcome| matches!(outcome, SendOutcome::Accepted(_));
                self.sent += sent.iter().filter(is_new).count() as u64;
            }
            Reply::Received(deliveries) if deliveries.is_empty() => self.empty_receives += 1,
            Reply::Received(deliveries) => self.received += deliveries.len() as u64,
            Reply::Deleted(deleted) => {
                let is_deleted = |outcome: &&DeleteOutcome| **outcome == DeleteOutcome::Deleted;
                self.deleted += deleted.iter().filter(is_deleted).count() as u64;
            }
            // Moves between queues are not sends (contract §4.11).
            Reply::OverLimit
            | Reply::AttemptOver
            | Reply::Departed { .. }
            | Reply::Outbox(_)
            | Reply::OutboxChanged
            | Reply::Arrived(_)
            | Reply::VisibilityChanged(_)
            | Reply::Purged
            | Reply::Counted(_)
            | Reply::Peeked(_) => {}
        }
    }

    /// Adds the counts of another partition.
    pub(super) fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.received += other.received;
        self.deleted += other.deleted;
        self.empty_receives += other.empty_receives;
    }
}
