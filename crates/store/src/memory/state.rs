//! What an in-memory store holds: one map that readers see and one that would survive a crash.

use std::collections::{BTreeMap, HashSet};
use std::ops::Bound;
use std::sync::{Arc, Condvar};
use std::time::Duration;

use bytes::Bytes;

use crate::batch::Change;
use crate::stats::Counters;
use crate::ticket::TicketSender;
use crate::{Batch, CommitTicket, ShardId, Space, StoreError};

/// Keys of all shards; the shard comes first, as in the other engines.
pub(super) type Map = BTreeMap<(Space, ShardId, Vec<u8>), Bytes>;

/// A commit that is applied and not yet synced.
struct Unsynced {
    shard: ShardId,
    batch: Batch,
    ticket: TicketSender,
}

/// Counts down to a fault.
#[derive(Debug, Default)]
pub(super) struct Countdown(u64);

impl Countdown {
    pub(super) fn arm(&mut self, n: u64) {
        self.0 = n;
    }

    /// Says whether the fault is due at this call.
    fn is_due(&mut self) -> bool {
        let is_due = self.0 == 1;
        self.0 = self.0.saturating_sub(1);
        is_due
    }
}

pub(super) struct State {
    pub(super) visible: Map,
    synced: Map,
    unsynced: Vec<Unsynced>,
    pub(super) shards: HashSet<ShardId>,
    pub(super) lost: Option<Arc<str>>,
    pub(super) failing_write: Countdown,
    pub(super) failing_sync: Countdown,
    pub(super) is_closed: bool,
    pub(super) is_disk_full: bool,
    pub(super) are_syncs_held: bool,
    pub(super) are_writes_held: bool,
    pub(super) writes_released: Arc<Condvar>,
    pub(super) counters: Counters,
}

impl State {
    /// Creates a store whose content is durable already.
    pub(super) fn recovered(content: Map) -> Self {
        Self {
            visible: content.clone(),
            synced: content,
            unsynced: Vec::new(),
            shards: HashSet::new(),
            lost: None,
            failing_write: Countdown::default(),
            failing_sync: Countdown::default(),
            is_closed: false,
            is_disk_full: false,
            are_syncs_held: false,
            are_writes_held: false,
            writes_released: Arc::default(),
            counters: Counters::new(),
        }
    }

    /// Applies a batch, and syncs it unless syncs are held.
    pub(super) fn commit(&mut self, shard: ShardId, batch: Batch) -> CommitTicket {
        if self.lost.is_none() && !batch.is_empty() && self.failing_write.is_due() {
            self.lose("a write failed (injected)");
        }
        if let Some(cause) = &self.lost {
            return CommitTicket::failed(StoreError::lost(cause.clone()));
        }
        apply(&mut self.visible, shard, &batch);
        if !batch.is_empty() {
            self.counters.committed(batch.bytes());
        }
        let (sender, ticket) = CommitTicket::pending();
        self.unsynced.push(Unsynced { shard, batch, ticket: sender });
        if !self.are_syncs_held {
            self.sync();
        }
        ticket
    }

    /// Makes all commits so far durable and completes their tickets in order.
    pub(super) fn sync(&mut self) {
        if self.lost.is_some() || self.unsynced.is_empty() {
            return;
        }
        if self.failing_sync.is_due() {
            self.lose("a sync failed (injected)");
            return;
        }
        self.counters.synced(self.unsynced.len() as u64, Duration::ZERO);
        for commit in self.unsynced.drain(..) {
            apply(&mut self.synced, commit.shard, &commit.batch);
            commit.ticket.complete(Ok(()));
        }
    }

    /// Stops the store for good and loses every pending ticket.
    ///
    /// The batches stay: a crash may find any prefix of them on the disk.
    pub(super) fn lose(&mut self, cause: &str) {
        let cause = self.lost.get_or_insert_with(|| cause.into()).clone();
        self.writes_released.notify_all();
        for commit in &mut self.unsynced {
            let (dead, _) = CommitTicket::pending();
            let ticket = std::mem::replace(&mut commit.ticket, dead);
            ticket.complete(Err(StoreError::lost(cause.clone())));
        }
    }

    /// Returns how many commits a crash may lose.
    pub(super) fn unsynced_len(&self) -> usize {
        self.unsynced.len()
    }

    /// Returns what a crash leaves: all that is synced and the first `kept` of the rest.
    pub(super) fn after_crash(&self, kept: usize) -> Map {
        let mut content = self.synced.clone();
        for commit in self.unsynced.iter().take(kept) {
            apply(&mut content, commit.shard, &commit.batch);
        }
        content
    }
}

fn apply(map: &mut Map, shard: ShardId, batch: &Batch) {
    for change in batch.changes() {
        match change {
            Change::Put { space, key, value } => {
                map.insert((*space, shard, key.clone()), Bytes::copy_from_slice(value));
            }
            Change::Delete { space, key } => {
                map.remove(&(*space, shard, key.clone()));
            }
            Change::DeleteRange { space, from, to } => {
                let keys: Vec<_> =
                    range(map, *space, shard, from, to).map(|(key, _)| key.clone()).collect();
                for key in keys {
                    map.remove(&key);
                }
            }
        }
    }
}

/// Iterates the keys of one shard in `from..to`; an inverted range is empty.
pub(super) fn range<'a>(
    map: &'a Map,
    space: Space,
    shard: ShardId,
    from: &[u8],
    to: &[u8],
) -> impl Iterator<Item = (&'a (Space, ShardId, Vec<u8>), &'a Bytes)> {
    // BTreeMap::range panics when the ends are inverted, so those become an empty range.
    let to = to.max(from);
    let bounds = (
        Bound::Included((space, shard, from.to_vec())),
        Bound::Excluded((space, shard, to.to_vec())),
    );
    map.range(bounds)
}
