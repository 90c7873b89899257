//! Crashes of the RocksDB engine, on copies of a live directory: torn tails and damage.

use std::collections::VecDeque;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};

use sluice_store::{Batch, RocksStore, Shard, ShardId, Space, Store, StoreError};
use tempfile::TempDir;

use crate::directory::{copy_of, logs, newest_log, open, refusal, row};

const SHARD: ShardId = ShardId(7);

/// A store with `count` rows, each made durable by a sync of its own, and its directory.
fn store_with(count: u8, value_bytes: usize) -> (TempDir, RocksStore, Box<dyn Shard>) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let mut shard = store.open_shard(SHARD).unwrap();
    for key in 0..count {
        shard.commit(row([key], vec![key; value_bytes])).wait().unwrap();
    }
    (dir, store, shard)
}

/// Opens a directory and returns how many rows it has; they must be the first ones, whole.
fn recovered(path: &Path) -> usize {
    let store = open(path).unwrap();
    let reader = store.open_shard(SHARD).unwrap().reader();
    let rows = reader.scan(Space::Rows, &[]..&[0xff; 2], 1_000).unwrap();
    for (index, (key, value)) in rows.iter().enumerate() {
        assert_eq!(key, &[index as u8]);
        assert!(value.iter().all(|byte| *byte == index as u8));
    }
    rows.len()
}

/// Changes the log of a copy of the directory and returns the copy.
fn damaged(path: &Path, damage: impl FnOnce(&mut Vec<u8>)) -> TempDir {
    let copy = copy_of(path);
    let log = newest_log(copy.path());
    let mut content = fs::read(&log).unwrap();
    damage(&mut content);
    fs::write(&log, content).unwrap();
    copy
}

#[test]
fn what_was_acknowledged_survives_a_crash_at_any_time() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let mut shard = store.open_shard(SHARD).unwrap();
    for key in 0..20 {
        let mut batch = row([key], vec![key; 100]);
        batch.put(Space::Bodies, vec![key], vec![key; 5_000]);
        shard.commit(batch).wait().unwrap();
        let copy = copy_of(dir.path());
        assert_eq!(recovered(copy.path()), usize::from(key) + 1);
        let store = open(copy.path()).unwrap();
        let reader = store.open_shard(SHARD).unwrap().reader();
        assert_eq!(reader.get(Space::Bodies, &[key]).unwrap().unwrap(), vec![key; 5_000]);
    }
}

#[test]
fn a_crash_under_load_keeps_all_that_was_acknowledged_and_a_prefix_of_the_rest() {
    const WRITERS: u16 = 4;
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let acknowledged: Vec<_> = (0..WRITERS).map(|_| AtomicU16::new(0)).collect();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for (id, acknowledged) in (0..WRITERS).zip(&acknowledged) {
            let (store, is_over) = (&store, &is_over);
            scope.spawn(move || {
                let mut shard = store.open_shard(ShardId(id)).unwrap();
                let mut pending = VecDeque::new();
                for key in 0..u16::MAX {
                    if is_over.load(Ordering::Acquire) {
                        break;
                    }
                    pending.push_back(shard.commit(row(key.to_be_bytes(), [])));
                    if pending.len() > 5 {
                        pending.pop_front().unwrap().wait().unwrap();
                        acknowledged.fetch_add(1, Ordering::AcqRel);
                    }
                }
            });
        }
        for _ in 0..10 {
            let before: Vec<_> = acknowledged.iter().map(|n| n.load(Ordering::Acquire)).collect();
            let copy = copy_of(dir.path());
            let restarted = open(copy.path()).unwrap();
            for (id, acknowledged) in (0..WRITERS).zip(before) {
                let reader = restarted.open_shard(ShardId(id)).unwrap().reader();
                let rows = reader.scan(Space::Rows, &[]..&[0xff; 3], usize::MAX).unwrap();
                assert!(rows.len() >= usize::from(acknowledged));
                for (index, (key, _)) in rows.iter().enumerate() {
                    assert_eq!(key, &(index as u16).to_be_bytes());
                }
            }
        }
        is_over.store(true, Ordering::Release);
    });
}

#[test]
fn a_tail_cut_anywhere_leaves_all_whole_batches_before_it() {
    for value_bytes in [10, 40_000] {
        let (dir, _store, _shard) = store_with(6, value_bytes);
        let bytes = fs::metadata(newest_log(dir.path())).unwrap().len() as usize;
        for cut in [1, 2, 5, 9, value_bytes / 2, value_bytes] {
            let copy = damaged(dir.path(), |log| log.truncate(bytes - cut));
            assert_eq!(recovered(copy.path()), 5, "{cut} bytes of {value_bytes}");
            assert_eq!(recovered(copy.path()), 5, "again");
        }
        let copy = damaged(dir.path(), |log| log.truncate(bytes / 2));
        assert!((2..=3).contains(&recovered(copy.path())));
        let copy = damaged(dir.path(), Vec::clear);
        assert_eq!(recovered(copy.path()), 0);
    }
}

#[test]
fn a_tail_of_zeros_is_torn() {
    let (dir, _store, _shard) = store_with(6, 100);
    let copy = damaged(dir.path(), |log| log.extend([0; 100_000]));
    assert_eq!(recovered(copy.path()), 6);
    let copy = damaged(dir.path(), |log| {
        let end = log.len();
        log[end - 40..].fill(0);
    });
    assert_eq!(recovered(copy.path()), 5);
}

#[test]
fn a_flipped_bit_with_synced_data_behind_it_is_refused_wherever_it_is() {
    // The second size spreads records over blocks of 32 KiB.
    for (value_bytes, step) in [(20, 1), (30_000, 997)] {
        let (dir, store, shard) = store_with(6, value_bytes);
        let log = newest_log(dir.path());
        let before_last = fs::metadata(&log).unwrap().len() as usize - value_bytes - 60;
        for position in (0..before_last).step_by(step) {
            let copy = damaged(dir.path(), |log| log[position] ^= 0x10);
            let error = match open(copy.path()) {
                Err(error) => error,
                // Padding at the end of a block belongs to no record.
                Ok(store) => {
                    drop(store);
                    assert_eq!(recovered(copy.path()), 6, "byte {position}");
                    continue;
                }
            };
            let StoreError::Corrupt { path, .. } = &error else { panic!("{error}") };
            assert!(path.starts_with(copy.path()));
            assert!(error.to_string().contains("restore a backup"), "{error}");
        }
        drop((store, shard));
    }
}

#[test]
fn a_zeroed_block_with_synced_data_behind_it_is_refused_and_nothing_is_changed() {
    let (dir, _store, _shard) = store_with(6, 30_000);
    let copy = damaged(dir.path(), |log| log[32_768..65_536].fill(0));
    let log = newest_log(copy.path());
    let before = fs::read(&log).unwrap();
    assert!(matches!(refusal(copy.path()), StoreError::Corrupt { .. }));
    assert_eq!(fs::read(&log).unwrap(), before);
}

#[test]
fn damage_at_the_end_is_told_from_a_torn_tail_after_a_clean_close() {
    let (dir, store, shard) = store_with(4, 100);
    store.close().unwrap();
    let copy = damaged(dir.path(), |log| {
        let end = log.len();
        log[end - 140] ^= 1;
    });
    assert!(matches!(refusal(copy.path()), StoreError::Corrupt { .. }));
    drop((store, shard));
    assert_eq!(recovered(dir.path()), 4);
}

#[test]
fn data_in_table_and_blob_files_survives_too() {
    let dir = tempfile::tempdir().unwrap();
    let body = |key: u16| -> Vec<u8> {
        (0..20_000_u32).map(|i| (i * 31 + u32::from(key) * i / 7) as u8).collect()
    };
    let store = open(dir.path()).unwrap();
    let mut shard = store.open_shard(SHARD).unwrap();
    let mut last = None;
    for key in 0..1_500_u16 {
        let mut batch = Batch::new();
        batch.put(Space::Bodies, key.to_be_bytes().to_vec(), body(key));
        batch.put(Space::Rows, key.to_be_bytes().to_vec(), b"row".to_vec());
        last = Some(shard.commit(batch));
    }
    last.unwrap().wait().unwrap();
    store.close().unwrap();
    drop((store, shard));
    let extensions = |extension: &str| {
        let files = fs::read_dir(dir.path().join("db")).unwrap();
        files
            .filter(|f| f.as_ref().unwrap().path().extension().is_some_and(|e| e == extension))
            .count()
    };
    assert!(extensions("blob") > 0, "bodies are in blob files");
    assert!(!logs(dir.path()).is_empty());
    let store = open(dir.path()).unwrap();
    let reader = store.open_shard(SHARD).unwrap().reader();
    for key in 0..1_500_u16 {
        assert_eq!(reader.get(Space::Bodies, &key.to_be_bytes()).unwrap().unwrap(), body(key));
    }
    assert_eq!(reader.scan(Space::Rows, &[]..&[0xff; 3], 9_999).unwrap().len(), 1_500);
}
