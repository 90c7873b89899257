//! The fault model of the in-memory engine: fail-stop, held syncs, crashes without holes.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use sluice_store::{
    CommitTicket, CrashTail, MemoryStore, Reader, Shard, ShardId, Space, SpaceLeft, Store,
    StoreError,
};

use crate::directory::row;

const SHARD: ShardId = ShardId(0);

fn keys(reader: &dyn Reader) -> Vec<u8> {
    let rows = reader.scan(Space::Rows, &[]..&[0xff], 1_000).unwrap();
    rows.into_iter().map(|(key, _)| key[0]).collect()
}

fn commit(shard: &mut dyn Shard, key: u8) -> CommitTicket {
    shard.commit(row([key], "v"))
}

fn is_lost(ticket: CommitTicket) -> bool {
    matches!(ticket.wait(), Err(StoreError::Lost { .. }))
}

#[test]
fn a_failed_write_is_not_applied_and_stops_the_store() {
    let store = MemoryStore::new();
    let mut shard = store.open_shard(SHARD).unwrap();
    store.faults().fail_next_write(2);
    commit(&mut *shard, 1).wait().unwrap();
    assert!(is_lost(commit(&mut *shard, 2)));
    assert!(is_lost(commit(&mut *shard, 3)));
    assert!(store.stats().is_lost);
    assert_eq!(keys(&*shard.reader()), [1]);
    assert!(matches!(store.close(), Err(StoreError::Lost { .. })));
}

#[test]
fn a_failed_write_loses_pending_tickets() {
    let store = MemoryStore::new();
    let mut shard = store.open_shard(SHARD).unwrap();
    store.faults().hold_syncs();
    let pending = commit(&mut *shard, 1);
    store.faults().fail_next_write(1);
    assert!(is_lost(commit(&mut *shard, 2)));
    assert!(is_lost(pending));
}

#[test]
fn a_failed_sync_loses_all_pending_tickets_and_nothing_is_retried() {
    let store = MemoryStore::new();
    let mut shard = store.open_shard(SHARD).unwrap();
    let faults = store.faults();
    faults.hold_syncs();
    let pending = [commit(&mut *shard, 1), commit(&mut *shard, 2)];
    faults.fail_next_sync(1);
    faults.release_syncs();
    assert!(pending.into_iter().all(is_lost));
    store.sync();
    assert!(is_lost(commit(&mut *shard, 3)));
    assert_eq!(keys(&*shard.reader()), [1, 2], "what was applied is still visible");
    let restarted = faults.crash(CrashTail::LoseAll);
    assert_eq!(keys(&*restarted.open_shard(SHARD).unwrap().reader()), [0_u8; 0]);
}

#[test]
fn held_syncs_keep_tickets_pending_until_released() {
    let store = MemoryStore::new();
    let mut shard = store.open_shard(SHARD).unwrap();
    store.faults().hold_syncs();
    let ticket = commit(&mut *shard, 1);
    let mut durable = pin!(ticket.durable());
    let mut context = Context::from_waker(Waker::noop());
    assert!(durable.as_mut().poll(&mut context).is_pending());
    assert_eq!(keys(&*shard.reader()), [1]);
    store.faults().release_syncs();
    assert!(matches!(durable.as_mut().poll(&mut context), Poll::Ready(Ok(()))));
    commit(&mut *shard, 2).wait().unwrap();
}

#[test]
fn a_full_disk_is_reported_and_does_not_refuse() {
    let store = MemoryStore::new();
    store.faults().full_disk(true);
    assert_eq!(store.space_left(), SpaceLeft::Low);
    commit(&mut *store.open_shard(SHARD).unwrap(), 1).wait().unwrap();
    store.faults().full_disk(false);
    assert_eq!(store.space_left(), SpaceLeft::Plenty);
}

#[test]
fn a_crash_keeps_what_is_synced_and_a_prefix_of_the_rest() {
    let mut lengths = std::collections::BTreeSet::new();
    for tail in
        [CrashTail::LoseAll, CrashTail::KeepAll].into_iter().chain((0..100).map(CrashTail::Seeded))
    {
        let store = MemoryStore::new();
        let mut shard = store.open_shard(SHARD).unwrap();
        commit(&mut *shard, 0).wait().unwrap();
        store.faults().hold_syncs();
        let pending: Vec<_> = (1..=5).map(|key| commit(&mut *shard, key)).collect();
        let restarted = store.faults().crash(tail);
        assert!(pending.into_iter().all(is_lost));
        assert!(is_lost(commit(&mut *shard, 9)));
        let mut shard = restarted.open_shard(SHARD).unwrap();
        let found = keys(&*shard.reader());
        assert_eq!(found, (0..found.len() as u8).collect::<Vec<_>>());
        assert!((1..=6).contains(&found.len()));
        lengths.insert(found.len());
        commit(&mut *shard, 9).wait().unwrap();
        let again = store.faults().crash(tail);
        assert_eq!(keys(&*again.open_shard(SHARD).unwrap().reader()), found, "same seed, same end");
    }
    assert_eq!(lengths.len(), 6, "the seeds reach every length");
}
