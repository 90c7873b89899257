//! Manifests built by hand, and one that RocksDB wrote.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::fs;

use super::{Logs, judge};
use crate::StoreError;
use crate::rocks::{crc32c, torn_tail};

/// A record with this edit.
fn record(edit: &[u8]) -> Vec<u8> {
    let mut checked = vec![1];
    checked.extend(edit);
    let mut record = crc32c::masked(&checked).to_le_bytes().to_vec();
    record.extend((edit.len() as u16).to_le_bytes());
    record.extend(checked);
    record
}

/// Secures a manifest; returns what it says and what is left of it.
fn secured(manifest: &[u8]) -> Result<(Logs, Vec<u8>), StoreError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("MANIFEST-000005");
    fs::write(dir.path().join("CURRENT"), "MANIFEST-000005\n").unwrap();
    fs::write(&path, manifest).unwrap();
    let outcome = judge(dir.path());
    if let Ok((_, torn)) = &outcome {
        torn_tail::cut(dir.path(), torn.as_slice()).unwrap();
    }
    let left = fs::read(path).unwrap();
    if outcome.is_err() {
        assert_eq!(left, manifest, "a refused directory is left as it is");
    }
    outcome.map(|(logs, _)| (logs, left))
}

fn is_refused(manifest: &[u8]) -> bool {
    matches!(secured(manifest), Err(StoreError::Corrupt { .. }))
}

#[test]
fn what_is_torn_off_its_end_is_cut() {
    let (first, second) = (record(&[4, 7]), record(&[10, 9]));
    let both = [first.clone(), second].concat();
    let whole = Logs { from: 9, sequence: Some(7) };
    assert_eq!(secured(&both).unwrap(), (whole, both.clone()));
    let torn = (Logs { from: 0, ..whole }, first.clone());
    for end in first.len()..both.len() {
        assert_eq!(secured(&both[..end]).unwrap(), torn, "{end}");
    }
    // The file grew, and the end of the write did not reach the disk, nor did its beginning.
    for length in 1..=both.len() - first.len() {
        let zeros = [first.clone(), vec![0; length]].concat();
        assert_eq!(secured(&zeros).unwrap(), torn, "{length}");
    }
    assert_eq!(secured(&[both.clone(), vec![0; 5_000]].concat()).unwrap(), (whole, both));
}

#[test]
fn an_end_without_a_sector_of_zeros_was_synced_and_is_refused() {
    let long = record(&[vec![10, 9, 103], vec![7; 2_100]].concat());
    let (first, second) = (record(&[4, 7]), record(&[10, 9]));
    for end in [second, long] {
        let manifest = [first.clone(), end.clone()].concat();
        for byte in 0..end.len() {
            // The length is believed: a longer one looks cut off.
            if (4..6).contains(&byte) {
                continue;
            }
            let mut damaged = manifest.clone();
            damaged[first.len() + byte] ^= 1;
            assert!(is_refused(&damaged), "{byte} of {}", end.len());
        }
    }
}

#[test]
fn an_end_with_a_sector_that_did_not_reach_the_disk_is_cut() {
    let first = record(&[4, 7]);
    let long = record(&[vec![10, 9, 103], vec![7; 2_100]].concat());
    let manifest = [first.clone(), long].concat();
    for sector in 0..4 {
        let mut torn = manifest.clone();
        let start = (sector * 512).max(first.len());
        torn[start..(sector + 1) * 512].fill(0);
        assert_eq!(secured(&torn).unwrap().1, first, "{sector}");
    }
}

/// Seed 40024 of the power cuts: three edits shared a sync, and the page of the first never reached the disk.
#[test]
fn what_follows_a_sector_as_it_was_is_cut() {
    let first = record(&[4, 7]);
    let long = record(&[vec![10, 9, 103], vec![7; 2_100]].concat());
    let manifest = [first.clone(), long, record(&[10, 11])].concat();
    for sectors in 1..=4 {
        let mut torn = manifest.clone();
        torn[first.len()..sectors * 512].fill(0);
        assert_eq!(secured(&torn).unwrap().1, first, "{sectors}");
    }
    for (from, to) in [(first.len() + 1, 512), (first.len(), 511), (512, 1_024)] {
        let mut damaged = manifest.clone();
        damaged[from..to].fill(0);
        assert!(is_refused(&damaged), "{from} to {to}");
    }
}

#[test]
fn damage_with_an_intact_record_behind_it_is_refused() {
    let manifest = [record(&[4, 7]), record(&[10, 9]), record(&[10, 11])].concat();
    for byte in 0..manifest.len() / 3 * 2 {
        let mut damaged = manifest.clone();
        damaged[byte] ^= 0xff;
        assert!(is_refused(&damaged), "{byte}");
    }
    assert!(is_refused(&[0; 100]), "nothing intact at all");
}

#[test]
fn numbers_are_found_between_others_and_the_largest_counts() {
    let deleted_before_300 = [0x88, 0x40, 2, 0xac, 0x02];
    let edits: [&[u8]; 4] = [
        &[2, 5, 9, 0, 3, 6, 10, 0x81, 0x01, 4, 8],
        &deleted_before_300,
        // A table file: what follows is not read.
        &[4, 9, 103, 10, 0x7f],
        &[10, 1, 4, 3],
    ];
    let manifest: Vec<u8> = edits.into_iter().flat_map(record).collect();
    assert_eq!(secured(&manifest).unwrap().0, Logs { from: 300, sequence: Some(9) });
}

#[test]
fn a_directory_without_manifest_says_nothing() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(judge(dir.path()).unwrap(), (Logs::default(), None));
    fs::write(dir.path().join("CURRENT"), "MANIFEST-000005\n").unwrap();
    assert_eq!(judge(dir.path()).unwrap(), (Logs::default(), None));
    assert_eq!(judge(&dir.path().join("db")).unwrap(), (Logs::default(), None));
}

/// RocksDB's own manifest, after a flush that made a log obsolete.
#[test]
fn reads_what_rocksdb_writes() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = rocksdb::Options::default();
    options.create_if_missing(true);
    options.set_track_and_verify_wals_in_manifest(true);
    let db = rocksdb::DB::open(&options, dir.path()).unwrap();
    let (before, _) = judge(dir.path()).unwrap();
    for key in 0..10_u8 {
        db.put([key], [key]).unwrap();
    }
    db.flush().unwrap();
    let (after, _) = judge(dir.path()).unwrap();
    assert!(after.from > before.from, "{before:?} {after:?}");
    assert_eq!(after.sequence, Some(10));
}
