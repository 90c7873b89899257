//! Which directories are opened and which are refused.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use sluice_store::{OfflineStore, ShardId, Space, SpaceLeft, Store, StoreError};

use crate::directory::{open, options, refusal, row};

#[test]
fn a_new_directory_is_private_and_says_its_format() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("a/b");
    drop(open(&path).unwrap());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    let format = fs::read_to_string(path.join("FORMAT")).unwrap();
    assert!(format.starts_with("sluice data directory\nformat=1\ncreated_by="), "{format}");
    assert!(!path.join("FORMAT.new").exists());
}

#[test]
fn a_second_server_is_refused_until_the_first_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let reader = store.open_shard(ShardId(0)).unwrap().reader();
    let error = refusal(dir.path());
    assert!(matches!(&error, StoreError::Locked { path } if path.ends_with("LOCK")));
    assert!(error.to_string().contains(&dir.path().display().to_string()), "{error}");
    store.close().unwrap();
    drop(store);
    assert!(matches!(refusal(dir.path()), StoreError::Locked { .. }), "a reader still reads");
    drop(reader);
    drop(open(dir.path()).unwrap());
}

#[test]
fn a_log_or_manifest_that_lost_its_end_after_an_orderly_stop_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    store.open_shard(ShardId(1)).unwrap().commit(row([1], [7; 500])).wait().unwrap();
    store.close().unwrap();
    drop(store);
    let files = fs::read_dir(dir.path().join("db")).unwrap().map(|entry| entry.unwrap().path());
    let is_noted = |path: &std::path::PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with("MANIFEST") || name.ends_with(".log")
    };
    let noted: Vec<_> = files.filter(is_noted).collect();
    assert_eq!(noted.len(), 2);
    for path in noted {
        let content = fs::read(&path).unwrap();
        let (whole, end) = (content.len(), content.len().saturating_sub(512));
        let zeroed = [&content[..end], &[0; 512][..whole - end]].concat();
        let nothing = Vec::new();
        for damaged in [Some(&nothing), Some(&content[..whole - 1].to_vec()), Some(&zeroed), None] {
            match damaged {
                Some(damaged) => fs::write(&path, damaged).unwrap(),
                None => fs::remove_file(&path).unwrap(),
            }
            let is_told =
                |error| matches!(&error, StoreError::Corrupt { path: of, .. } if *of == path);
            assert!(is_told(OfflineStore::open(dir.path()).map(drop).unwrap_err()));
            // A refusal changes nothing, so the next start is refused as well.
            assert!(is_told(refusal(dir.path())) && is_told(refusal(dir.path())));
        }
        fs::write(&path, content).unwrap();
    }
    // Damage to the note itself costs only what it adds.
    fs::write(dir.path().join("CLOSED"), "sluice closed\n999999 CURRENT\nsha256=00\n").unwrap();
    let store = open(dir.path()).unwrap();
    assert!(!dir.path().join("CLOSED").exists(), "it ends with the next use");
    let reader = store.open_shard(ShardId(1)).unwrap().reader();
    assert!(reader.get(Space::Rows, &[1]).unwrap().is_some());
}

#[test]
fn a_newer_format_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).unwrap());
    let format = dir.path().join("FORMAT");
    fs::write(&format, "sluice data directory\nformat=2\ncreated_by=9.0.0\n").unwrap();
    match refusal(dir.path()) {
        StoreError::NewerFormat { found: 2, supported: 1, path } => assert_eq!(path, format),
        other => panic!("{other}"),
    }
}

#[test]
fn a_damaged_format_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).unwrap());
    let format = dir.path().join("FORMAT");
    for damage in [Vec::new(), b"sluice data dir".to_vec(), vec![0xff; 30], vec![b'x'; 10_000]] {
        fs::write(&format, damage).unwrap();
        assert!(matches!(refusal(dir.path()), StoreError::DamagedFormat { .. }));
    }
    fs::remove_file(&format).unwrap();
    assert!(matches!(refusal(dir.path()), StoreError::DamagedFormat { .. }));
}

#[test]
fn a_directory_of_something_else_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("thesis.txt"), "irreplaceable").unwrap();
    let error = refusal(dir.path());
    assert!(matches!(&error, StoreError::NotSluice { entry, .. } if entry == "thesis.txt"));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn an_interrupted_creation_is_finished() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("LOCK"), "").unwrap();
    fs::write(dir.path().join("FORMAT.new"), "slu").unwrap();
    fs::create_dir(dir.path().join("lost+found")).unwrap();
    drop(open(dir.path()).unwrap());
    drop(open(dir.path()).unwrap());
}

#[test]
fn a_path_that_is_a_file_is_refused_with_its_name() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = refusal(file.path());
    assert!(matches!(&error, StoreError::Io { path, .. } if path == file.path()), "{error}");
}

#[test]
fn reopening_keeps_everything() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..4_u8 {
        let store = open(dir.path()).unwrap();
        let mut shard = store.open_shard(ShardId(1)).unwrap();
        let rows = shard.reader().scan(Space::Rows, &[]..&[0xff], 100).unwrap();
        assert_eq!(rows.len(), usize::from(round));
        let ticket = shard.commit(row([round], [round; 2_000]));
        if round % 2 == 0 {
            store.close().unwrap();
        }
        ticket.wait().unwrap();
    }
}

#[test]
fn space_below_the_reserve_is_low() {
    let dir = tempfile::tempdir().unwrap();
    let options = sluice_store::RocksOptions { reserve_bytes: u64::MAX, ..options(dir.path()) };
    let store = sluice_store::RocksStore::open(options).unwrap();
    assert_eq!(store.space_left(), SpaceLeft::Low);
}
