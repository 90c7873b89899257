//! Random batches and reads: both engines against a plain map.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sluice_store::{Batch, MemoryStore, Reader, ShardId, Space, Store};

use crate::directory::open;

const SHARD: ShardId = ShardId(0x0102);
const SPACES: [Space; 2] = [Space::Rows, Space::Bodies];

type Key = Vec<u8>;
type Model = BTreeMap<(Space, Key), Vec<u8>>;

#[derive(Debug, Clone)]
enum Change {
    Put(Space, Key, Vec<u8>),
    Delete(Space, Key),
    DeleteRange(Space, Key, Key),
}

#[derive(Debug, Clone)]
enum Step {
    Commit(Vec<Change>),
    Scan(Space, Key, Key, usize),
    Get(Space, Key),
    Reopen,
}

fn space() -> impl Strategy<Value = Space> {
    prop::sample::select(SPACES.to_vec())
}

/// Few letters and lengths, so that keys meet, nest and touch the ends of the byte range.
fn key() -> impl Strategy<Value = Key> {
    prop::collection::vec(prop::sample::select(vec![0, 1, 2, 0xfe, 0xff]), 0..4)
}

/// Around the size from which on a value becomes a blob.
fn value() -> impl Strategy<Value = Vec<u8>> {
    (any::<u8>(), prop::sample::select(vec![0, 1, 20, 511, 512, 3_000]))
        .prop_map(|(byte, bytes)| vec![byte; bytes])
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => (space(), key(), value()).prop_map(|(s, k, v)| Change::Put(s, k, v)),
        3 => (space(), key()).prop_map(|(s, k)| Change::Delete(s, k)),
        1 => (space(), key(), key()).prop_map(|(s, a, b)| Change::DeleteRange(s, a, b)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop::collection::vec(change(), 0..8).prop_map(Step::Commit),
        3 => (space(), key(), key(), 0..10_usize).prop_map(|(s, a, b, n)| Step::Scan(s, a, b, n)),
        2 => (space(), key()).prop_map(|(s, k)| Step::Get(s, k)),
        1 => Just(Step::Reopen),
    ]
}

fn batch(changes: &[Change]) -> Batch {
    let mut batch = Batch::new();
    for change in changes.iter().cloned() {
        match change {
            Change::Put(space, key, value) => batch.put(space, key, value),
            Change::Delete(space, key) => batch.delete(space, key),
            Change::DeleteRange(space, from, to) => batch.delete_range(space, from..to),
        }
    }
    batch
}

fn apply(model: &mut Model, changes: &[Change]) {
    for change in changes.iter().cloned() {
        match change {
            Change::Put(space, key, value) => drop(model.insert((space, key), value)),
            Change::Delete(space, key) => drop(model.remove(&(space, key))),
            Change::DeleteRange(space, from, to) => {
                model.retain(|(s, key), _| *s != space || *key < from || *key >= to);
            }
        }
    }
}

fn scanned(model: &Model, space: Space, from: &Key, to: &Key, limit: usize) -> Vec<(Key, Vec<u8>)> {
    let rows = model.iter().filter(|((s, key), _)| *s == space && key >= from && key < to);
    rows.take(limit).map(|((_, key), value)| (key.clone(), value.clone())).collect()
}

fn check_scan(
    reader: &dyn Reader,
    model: &Model,
    space: Space,
    from: &Key,
    to: &Key,
    limit: usize,
) {
    let rows = reader.scan(space, from..to, limit).unwrap();
    let rows: Vec<_> = rows.into_iter().map(|(key, value)| (key, value.to_vec())).collect();
    assert_eq!(rows, scanned(model, space, from, to, limit));
}

/// Runs the steps against stores that `open` opens, each with what the one before left.
fn run<S: Store>(steps: &[Step], mut open: impl FnMut(Option<S>) -> S) {
    let mut store = open(None);
    let mut shard = store.open_shard(SHARD).unwrap();
    let mut model = Model::new();
    for step in steps {
        let reader = shard.reader();
        match step {
            Step::Commit(changes) => {
                apply(&mut model, changes);
                shard.commit(batch(changes)).wait().unwrap();
            }
            Step::Scan(space, from, to, limit) => {
                check_scan(&*reader, &model, *space, from, to, *limit);
            }
            Step::Get(space, key) => {
                let value = reader.get(*space, key).unwrap();
                assert_eq!(value.as_deref(), model.get(&(*space, key.clone())).map(Vec::as_slice));
            }
            Step::Reopen => {
                drop((reader, shard));
                store = open(Some(store));
                shard = store.open_shard(SHARD).unwrap();
            }
        }
    }
    for space in SPACES {
        check_scan(&*shard.reader(), &model, space, &Vec::new(), &vec![0xff; 9], usize::MAX);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_memory_engine_is_a_map(steps in prop::collection::vec(step(), 1..60)) {
        run(&steps, |store: Option<MemoryStore>| match store {
            None => MemoryStore::new(),
            Some(store) => store.faults().crash(sluice_store::CrashTail::LoseAll),
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_rocks_engine_is_a_map(steps in prop::collection::vec(step(), 1..60)) {
        let dir = tempfile::tempdir().unwrap();
        run(&steps, |store| {
            drop(store);
            open(dir.path()).unwrap()
        });
    }
}
