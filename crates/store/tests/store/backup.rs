//! Backups of open and closed stores, and what is refused.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use sluice_store::{
    OfflineStore, RocksStore, ShardId, Space, Store, StoreError, UnfinishedBackup, restore,
};

use crate::directory::{open, refusal, row};

const SHARD: ShardId = ShardId(3);

/// Puts rows and bodies of the numbers into a store, each batch durable.
fn fill(store: &RocksStore, numbers: std::ops::Range<u32>) {
    let mut shard = store.open_shard(SHARD).unwrap();
    for number in numbers {
        let mut batch = row(number.to_be_bytes(), number.to_string());
        batch.put(Space::Bodies, number.to_be_bytes().to_vec(), vec![number as u8; 2_000]);
        shard.commit(batch).wait().unwrap();
    }
}

fn count(path: &Path) -> usize {
    let store = open(path).unwrap();
    let reader = store.open_shard(SHARD).unwrap().reader();
    let rows = reader.scan(Space::Rows, &[]..&[0xff; 5], usize::MAX).unwrap();
    for (key, value) in &rows {
        let number = u32::from_be_bytes(key.as_slice().try_into().unwrap());
        assert_eq!(value, number.to_string().as_bytes());
        let body = reader.get(Space::Bodies, key).unwrap();
        assert_eq!(body.unwrap(), vec![number as u8; 2_000]);
    }
    rows.len()
}

#[test]
fn a_backup_of_an_open_store_has_what_was_durable_before() {
    let (data, parent) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(data.path()).unwrap();
    let (durable, is_over) = (AtomicU32::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut numbers = 0_u32..;
            while !is_over.load(Ordering::Acquire) {
                let next = numbers.next().unwrap();
                fill(&store, next..next + 1);
                durable.store(next + 1, Ordering::Release);
            }
        });
        for round in 0..5 {
            while durable.load(Ordering::Acquire) < 50 * (round + 1) {
                std::thread::yield_now();
            }
            let before = durable.load(Ordering::Acquire) as usize;
            let target = parent.path().join(format!("backup-{round}"));
            let backup = UnfinishedBackup::new(&target).unwrap();
            store.live_backup().take_files(backup.path()).unwrap();
            let after = durable.load(Ordering::Acquire) as usize + 1;
            backup.finish().unwrap();
            let restored = parent.path().join(format!("restored-{round}"));
            restore(&target, &restored).unwrap();
            let count = count(&restored);
            assert!((before..=after).contains(&count), "{before} <= {count} <= {after}");
        }
        is_over.store(true, Ordering::Release);
    });
}

#[test]
fn a_backup_of_a_closed_store_has_everything_and_leaves_it_alone() {
    let (data, parent) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for round in 0..3 {
        fill(&open(data.path()).unwrap(), round * 100..(round + 1) * 100);
    }
    let target = parent.path().join("backup");
    let backup = UnfinishedBackup::new(&target).unwrap();
    backup.take_files(data.path()).unwrap();
    let size = backup.finish().unwrap();
    assert!(size.files > 4 && size.bytes > 0, "{size:?}");
    assert!(matches!(refusal(&target), StoreError::IsBackup { .. }), "it must stay as it is");
    OfflineStore::open(&target).unwrap();
    let restored = parent.path().join("restored");
    assert_eq!(restore(&target, &restored).unwrap(), size);
    assert_eq!(count(&restored), 300);
    fill(&open(data.path()).unwrap(), 300..301);
    assert_eq!(count(data.path()), 301);
}

#[test]
fn what_is_in_the_way_is_refused() {
    let (data, parent) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(data.path()).unwrap();
    fill(&store, 0..3);
    let target = parent.path().join("backup");
    let backup = UnfinishedBackup::new(&target).unwrap();
    let at_the_same_time = UnfinishedBackup::new(&target).unwrap();
    assert!(matches!(backup.take_files(data.path()), Err(StoreError::Locked { .. })));
    store.live_backup().take_files(backup.path()).unwrap();
    assert!(matches!(UnfinishedBackup::new(&target), Err(StoreError::NotEmpty { .. })));
    let late = store.live_backup().take_files(at_the_same_time.path());
    assert!(matches!(late, Err(StoreError::NotEmpty { .. })));
    assert!(backup.finish().unwrap().files > 3, "the first is left alone");
    assert!(matches!(UnfinishedBackup::new(&target), Err(StoreError::NotEmpty { .. })));
    for foreign in ["thesis.txt", "db"] {
        let full = parent.path().join("full");
        fs::create_dir(&full).unwrap();
        fs::write(full.join(foreign), "irreplaceable").unwrap();
        assert!(matches!(restore(&target, &full), Err(StoreError::NotEmpty { .. })));
        assert_eq!(fs::read_to_string(full.join(foreign)).unwrap(), "irreplaceable");
        fs::remove_dir_all(&full).unwrap();
    }
    assert!(matches!(
        restore(data.path(), &parent.path().join("x")),
        Err(StoreError::DamagedBackup { .. })
    ));
}

#[test]
fn a_damaged_backup_is_not_restored() {
    let (data, parent) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fill(&open(data.path()).unwrap(), 0..40);
    fill(&open(data.path()).unwrap(), 40..50);
    let target = parent.path().join("backup");
    let backup = UnfinishedBackup::new(&target).unwrap();
    backup.take_files(data.path()).unwrap();
    backup.finish().unwrap();
    let mut files: Vec<_> =
        fs::read_dir(target.join("db")).unwrap().map(|it| it.unwrap().path()).collect();
    files.extend([target.join("FORMAT"), target.join("BACKUP")]);
    let restored = parent.path().join("restored");
    for file in files {
        let whole = fs::read(&file).unwrap();
        let mut flipped = whole.clone();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 1;
        for damaged in [Some(&flipped[..]), Some(&whole[..whole.len() - 1]), None] {
            fs::remove_file(&file).unwrap();
            if let Some(damaged) = damaged {
                fs::write(&file, damaged).unwrap();
            }
            let error = restore(&target, &restored).unwrap_err();
            let named = error.to_string().contains(&file.display().to_string());
            assert!(named, "{error} names {}", file.display());
            assert!(!restored.exists(), "nothing is written before everything is read");
        }
        fs::write(&file, &whole).unwrap();
    }
    restore(&target, &restored).unwrap();
    assert_eq!(count(&restored), 50);
}
