//! How much may wait for one shard: requests, the bodies that they bring, and the share of one queue.
//!
//! What is beyond is refused at once. Together with the time limit on the wait that bounds both memory and the time
//! until an accepted request is decided.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use super::error::BrokerError;
use crate::clock::{self, Instant};

/// Requests that may wait for one shard.
pub(super) const MAILBOX_MAX: usize = 16_384;
/// Of these, requests for the partitions of one queue: a flood of one leaves room for the others.
const MAILBOX_OF_QUEUE_MAX: usize = MAILBOX_MAX / 4;
/// Bytes of message bodies that may wait for one shard.
const MAILBOX_BYTES_MAX: usize = 64 << 20;
/// A request that waited longer is refused when its turn comes: its client may have given up.
pub(super) const MAILBOX_WAIT_MAX: Duration = Duration::from_secs(5);
/// Partitions are counted in so many groups; two in one group share what one may have.
const QUEUE_GROUPS: usize = 256;

/// Bounds that refuse requests to the broker, as the metrics name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    /// [`MAILBOX_MAX`].
    Mailbox,
    /// [`MAILBOX_OF_QUEUE_MAX`].
    MailboxOfQueue,
    /// [`MAILBOX_BYTES_MAX`].
    MailboxBytes,
    /// [`MAILBOX_WAIT_MAX`].
    MailboxWait,
    /// Changes of queues that may wait for the catalog.
    QueueChanges,
}

const BOUNDS: [(Bound, &str); 5] = [
    (Bound::Mailbox, "mailbox"),
    (Bound::MailboxOfQueue, "mailbox_of_queue"),
    (Bound::MailboxBytes, "mailbox_bytes"),
    (Bound::MailboxWait, "mailbox_wait"),
    (Bound::QueueChanges, "queue_changes"),
];

/// Counts refusals, by bound.
#[derive(Debug, Default)]
pub(super) struct Refusals([AtomicU64; BOUNDS.len()]);

impl Refusals {
    /// Counts one, and gives its error.
    pub(super) fn refuse(&self, bound: Bound) -> BrokerError {
        self.0[bound as usize].fetch_add(1, Ordering::Relaxed);
        BrokerError::Busy
    }

    /// Refusals since the start, by the bound's name.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        BOUNDS.iter().map(|(bound, name)| (*name, self.0[*bound as usize].load(Ordering::Relaxed)))
    }
}

/// What waits for one shard.
#[derive(Debug)]
pub(super) struct Admission {
    body_bytes: AtomicUsize,
    of_queues: [AtomicUsize; QUEUE_GROUPS],
    refusals: Arc<Refusals>,
}

/// A request's place in the mailbox, which is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Admitted {
    admission: Arc<Admission>,
    queue_group: usize,
    body_bytes: usize,
    at: Instant,
}

impl Admission {
    pub(super) fn new(refusals: Arc<Refusals>) -> Self {
        let of_queues = std::array::from_fn(|_| AtomicUsize::new(0));
        Self { body_bytes: AtomicUsize::new(0), of_queues, refusals }
    }

    /// Gives a place to a request for `partition` that brings these bodies.
    ///
    /// # Errors
    /// [`BrokerError::Busy`] when a bound is reached.
    pub(super) fn admit(
        self: &Arc<Self>,
        partition: u64,
        bodies: &[Vec<u8>],
    ) -> Result<Admitted, BrokerError> {
        let admitted = self.admit_anyway(partition, bodies);
        if self.of_queues[admitted.queue_group].load(Ordering::Relaxed) > MAILBOX_OF_QUEUE_MAX {
            return Err(self.refuse(Bound::MailboxOfQueue));
        }
        // A single request may be larger than the bound leaves room for, as long as nothing else waits.
        let others = self.body_bytes.load(Ordering::Relaxed) - admitted.body_bytes;
        if admitted.body_bytes > 0 && others + admitted.body_bytes > MAILBOX_BYTES_MAX && others > 0
        {
            return Err(self.refuse(Bound::MailboxBytes));
        }
        Ok(admitted)
    }

    /// Gives a place to what must not be refused.
    pub(super) fn admit_anyway(self: &Arc<Self>, partition: u64, bodies: &[Vec<u8>]) -> Admitted {
        let admitted = Admitted {
            admission: Arc::clone(self),
            queue_group: usize::try_from(partition % QUEUE_GROUPS as u64).unwrap_or(0),
            body_bytes: bodies.iter().map(Vec::len).sum(),
            at: clock::instant(),
        };
        self.of_queues[admitted.queue_group].fetch_add(1, Ordering::Relaxed);
        self.body_bytes.fetch_add(admitted.body_bytes, Ordering::Relaxed);
        admitted
    }

    pub(super) fn refuse(&self, bound: Bound) -> BrokerError {
        self.refusals.refuse(bound)
    }
}

impl Admitted {
    /// Judges the wait when the request's turn has come.
    ///
    /// # Errors
    /// [`BrokerError::Busy`] when it was too long.
    pub(super) fn in_time(&self, now: Instant) -> Result<(), BrokerError> {
        if now.duration_since(self.at) > MAILBOX_WAIT_MAX {
            return Err(self.admission.refuse(Bound::MailboxWait));
        }
        Ok(())
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.admission.of_queues[self.queue_group].fetch_sub(1, Ordering::Relaxed);
        self.admission.body_bytes.fetch_sub(self.body_bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission() -> Arc<Admission> {
        Arc::new(Admission::new(Arc::default()))
    }

    fn refusals(admission: &Admission) -> Vec<(&'static str, u64)> {
        admission.refusals.counts().filter(|(_, count)| *count > 0).collect()
    }

    #[test]
    fn one_queue_has_its_share_and_leaves_the_rest() {
        let admission = admission();
        let mut of_one: Vec<_> = (0..MAILBOX_OF_QUEUE_MAX)
            .map(|_| admission.admit(7, &[]).expect("within its share"))
            .collect();
        assert_eq!(admission.admit(7, &[]).err(), Some(BrokerError::Busy));
        assert!(admission.admit(8, &[]).is_ok());
        of_one.pop();
        assert!(admission.admit(7, &[]).is_ok());
        assert_eq!(refusals(&admission), [("mailbox_of_queue", 1)]);
    }

    #[test]
    fn bodies_are_bounded_together() {
        let admission = admission();
        let half = [vec![0; MAILBOX_BYTES_MAX / 2]];
        let first = admission.admit(1, &half).expect("room");
        let second = admission.admit(2, &half).expect("room");
        assert!(admission.admit(3, &[vec![0]]).is_err());
        assert!(admission.admit(3, &[]).is_ok(), "a receive brings none");
        drop((first, second));
        assert!(admission.admit(3, &[vec![0; MAILBOX_BYTES_MAX + 1]]).is_ok());
        assert_eq!(refusals(&admission), [("mailbox_bytes", 1)]);
    }

    #[test]
    fn a_long_wait_ends_in_a_refusal() {
        let admission = admission();
        let admitted = admission.admit(1, &[]).expect("room");
        let latest = admitted.at + MAILBOX_WAIT_MAX;
        assert_eq!(admitted.in_time(latest), Ok(()));
        let too_late = latest + Duration::from_millis(1);
        assert_eq!(admitted.in_time(too_late), Err(BrokerError::Busy));
        assert_eq!(refusals(&admission), [("mailbox_wait", 1)]);
    }
}
