//! The contract that every engine keeps, as one list of cases run against each.

use std::sync::Arc;

use sluice_store::{
    Batch, MemoryStore, Reader, Shard, ShardId, Space, SpaceLeft, Store, StoreError,
};

use crate::directory::{open, row};

const SHARD: ShardId = ShardId(3);

macro_rules! cases {
    ($($case:ident),* $(,)?) => {
        mod memory {
            $(#[test] fn $case() { super::$case(&super::MemoryStore::new()); })*
        }
        mod rocks {
            $(#[test] fn $case() {
                let dir = tempfile::tempdir().unwrap();
                super::$case(&super::open(dir.path()).unwrap());
            })*
        }
    };
}

cases! {
    a_commit_is_visible_at_once,
    a_batch_applies_in_order,
    a_scan_keeps_its_bounds_and_its_limit,
    a_range_delete_removes_what_came_before_it_only,
    shards_and_spaces_do_not_see_each_other,
    multi_get_keeps_the_order_of_keys,
    large_and_empty_values_survive,
    a_ticket_of_an_empty_batch_is_durable,
    tickets_work_in_async_code,
    a_shard_has_one_writer,
    a_reader_outlives_its_shard,
    commits_after_close_are_lost,
    stats_count_commits_and_syncs,
    space_is_plenty,
    many_writers_do_not_disturb_each_other,
}

fn shard(store: &impl Store) -> (Box<dyn Shard>, Arc<dyn Reader>) {
    let shard = store.open_shard(SHARD).unwrap();
    let reader = shard.reader();
    (shard, reader)
}

fn keys(reader: &dyn Reader, from: &[u8], to: &[u8], limit: usize) -> Vec<Vec<u8>> {
    let rows = reader.scan(Space::Rows, from..to, limit).unwrap();
    rows.into_iter().map(|(key, _)| key).collect()
}

fn a_commit_is_visible_at_once(store: &impl Store) {
    let (mut shard, reader) = shard(store);
    assert_eq!(reader.get(Space::Rows, b"k").unwrap(), None);
    let ticket = shard.commit(row("k", "v"));
    assert_eq!(reader.get(Space::Rows, b"k").unwrap().unwrap(), "v");
    ticket.wait().unwrap();
    assert_eq!(reader.get(Space::Rows, b"k").unwrap().unwrap(), "v");
}

fn a_batch_applies_in_order(store: &impl Store) {
    let (mut shard, reader) = shard(store);
    shard.commit(row("gone", "old")).wait().unwrap();
    let mut batch = Batch::new();
    batch.put(Space::Rows, b"a".to_vec(), b"1".to_vec());
    batch.put(Space::Rows, b"a".to_vec(), b"2".to_vec());
    batch.put(Space::Rows, b"b".to_vec(), b"1".to_vec());
    batch.delete(Space::Rows, b"b".to_vec());
    batch.delete(Space::Rows, b"gone".to_vec());
    batch.delete(Space::Rows, b"never".to_vec());
    assert_eq!((batch.len(), batch.bytes(), batch.is_empty()), (6, 16, false));
    shard.commit(batch).wait().unwrap();
    assert_eq!(keys(&*reader, b"", b"z", 10), [b"a"]);
    assert_eq!(reader.get(Space::Rows, b"a").unwrap().unwrap(), "2");
}

fn a_scan_keeps_its_bounds_and_its_limit(store: &impl Store) {
    let (mut shard, reader) = shard(store);
    for key in ["a", "b", "b\0", "c", "d"] {
        shard.commit(row(key, "v")).wait().unwrap();
    }
    let rows = |from: &str, to: &str, limit| keys(&*reader, from.as_bytes(), to.as_bytes(), limit);
    assert_eq!(rows("b", "d", 10), [&b"b"[..], b"b\0", b"c"]);
    assert_eq!(rows("", "c", 2), [b"a", b"b"]);
    assert_eq!(keys(&*reader, b"", &[0xff; 8], 100).len(), 5);
    for empty in [rows("a", "e", 0), rows("b", "b", 9), rows("d", "a", 9), rows("e", "f", 9)] {
        assert!(empty.is_empty());
    }
}

fn a_range_delete_removes_what_came_before_it_only(store: &impl Store) {
    let (mut shard, reader) = shard(store);
    for key in ["a", "b", "c", "d"] {
        shard.commit(row(key, "old")).wait().unwrap();
    }
    let mut batch = row("bb", "same batch");
    batch.delete_range(Space::Rows, b"b".to_vec()..b"d".to_vec());
    batch.delete_range(Space::Rows, b"d".to_vec()..b"a".to_vec());
    batch.put(Space::Rows, b"c".to_vec(), b"new".to_vec());
    shard.commit(batch).wait().unwrap();
    assert_eq!(keys(&*reader, b"", b"z", 10), [b"a", b"c", b"d"]);
    assert_eq!(reader.get(Space::Rows, b"c").unwrap().unwrap(), "new");
}

fn shards_and_spaces_do_not_see_each_other(store: &impl Store) {
    let ids = [ShardId(0), ShardId(1), ShardId(256), ShardId(u16::MAX)];
    let mut shards: Vec<_> = ids.iter().map(|id| store.open_shard(*id).unwrap()).collect();
    for (id, shard) in ids.iter().zip(&mut shards) {
        let mut batch = row([1], id.0.to_be_bytes());
        batch.put(Space::Bodies, vec![2], id.0.to_be_bytes().to_vec());
        shard.commit(batch).wait().unwrap();
    }
    let mut purge = Batch::new();
    purge.delete_range(Space::Rows, Vec::new()..vec![0xff; 9]);
    shards[1].commit(purge).wait().unwrap();
    for (id, shard) in ids.iter().zip(&shards) {
        let reader = shard.reader();
        let everything = &[][..]..&[0xff; 9][..];
        let rows = reader.scan(Space::Rows, everything.clone(), 9).unwrap();
        let bodies = reader.scan(Space::Bodies, everything, 9).unwrap();
        assert_eq!(bodies, [(vec![2], id.0.to_be_bytes().to_vec().into())]);
        if *id == ShardId(1) {
            assert!(rows.is_empty());
        } else {
            assert_eq!(rows, [(vec![1], id.0.to_be_bytes().to_vec().into())]);
        }
    }
}

fn multi_get_keeps_the_order_of_keys(store: &impl Store) {
    let (mut shard, reader) = shard(store);
    for key in ["a", "b"] {
        shard.commit(row(key, key)).wait().unwrap();
    }
    let keys = ["b", "x", "a", "b"].map(|key| key.as_bytes().to_vec());
    let values = reader.multi_get(Space::Rows, &keys).unwrap();
    let values: Vec<_> = values.iter().map(|value| value.as_deref()).collect();
    assert_eq!(values, [Some(&b"b"[..]), None, Some(b"a"), Some(b"b")]);
    assert!(reader.multi_get(Space::Rows, &[]).unwrap().is_empty());
}

fn large_and_empty_values_survive(store: &impl Store) {
    let (mut shard, reader) = shard(store);
    let body: Vec<u8> = (0..1_048_576_u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect();
    let mut batch = row("", "");
    batch.put(Space::Bodies, b"large".to_vec(), body.clone());
    shard.commit(batch).wait().unwrap();
    assert_eq!(reader.get(Space::Bodies, b"large").unwrap().unwrap(), body);
    assert_eq!(reader.get(Space::Rows, b"").unwrap().unwrap(), "");
}

fn a_ticket_of_an_empty_batch_is_durable(store: &impl Store) {
    let (mut shard, _) = shard(store);
    assert!(Batch::new().is_empty());
    shard.commit(Batch::new()).wait().unwrap();
}

fn tickets_work_in_async_code(store: &impl Store) {
    let (mut shard, _) = shard(store);
    let tickets: Vec<_> = (0..10_u8).map(|i| shard.commit(row([i], "v"))).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        for ticket in tickets {
            ticket.durable().await.unwrap();
        }
    });
}

fn a_shard_has_one_writer(store: &impl Store) {
    let first = store.open_shard(SHARD).unwrap();
    assert!(matches!(store.open_shard(SHARD), Err(StoreError::ShardTaken { shard: SHARD })));
    let other = store.open_shard(ShardId(4)).unwrap();
    drop(first);
    drop(store.open_shard(SHARD).unwrap());
    drop(other);
}

fn a_reader_outlives_its_shard(store: &impl Store) {
    let (mut shard, reader) = shard(store);
    shard.commit(row("k", "v")).wait().unwrap();
    drop(shard);
    store.close().unwrap();
    assert_eq!(reader.get(Space::Rows, b"k").unwrap().unwrap(), "v");
}

fn commits_after_close_are_lost(store: &impl Store) {
    let (mut shard, reader) = shard(store);
    let before = shard.commit(row("before", "v"));
    store.close().unwrap();
    before.wait().unwrap();
    assert!(matches!(shard.commit(row("after", "v")).wait(), Err(StoreError::Lost { .. })));
    assert_eq!(reader.get(Space::Rows, b"after").unwrap(), None);
    store.close().unwrap();
}

fn stats_count_commits_and_syncs(store: &impl Store) {
    let (mut shard, _) = shard(store);
    for _ in 0..5 {
        shard.commit(row("key", "value")).wait().unwrap();
    }
    let stats = store.stats();
    assert_eq!((stats.commits, stats.commit_bytes, stats.shards_open), (5, 40, 1));
    assert_eq!(stats.synced_groups, 5);
    for (histogram, sum) in [(&stats.batch_bytes, 40), (&stats.group_commits, 5)] {
        assert_eq!(histogram.counts.iter().sum::<u64>(), 5);
        assert_eq!(histogram.counts.len(), histogram.bounds.len() + 1);
        assert_eq!(histogram.sum, sum);
    }
    assert_eq!(stats.sync_micros.counts.iter().sum::<u64>(), 5);
    assert!(!stats.is_lost);
    assert_eq!(stats.background_errors, 0);
    drop(shard);
    assert_eq!(store.stats().shards_open, 0);
}

fn space_is_plenty(store: &impl Store) {
    assert_eq!(store.space_left(), SpaceLeft::Plenty);
}

fn many_writers_do_not_disturb_each_other(store: &impl Store) {
    std::thread::scope(|scope| {
        for id in 0..4 {
            let mut shard = store.open_shard(ShardId(id)).unwrap();
            scope.spawn(move || {
                let tickets: Vec<_> = (0..200_u8).map(|i| shard.commit(row([i], [i]))).collect();
                for ticket in tickets {
                    ticket.wait().unwrap();
                }
                let rows = shard.reader().scan(Space::Rows, &[]..&[0xff], 1_000).unwrap();
                assert_eq!(rows.len(), 200);
            });
        }
    });
    assert_eq!(store.stats().commits, 800);
}
