//! Logs built by hand, with holes where a power failure or a failing disk may leave them.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::fs;
use std::path::Path;

use super::{Logs, judge};
use crate::StoreError;
use crate::rocks::{crc32c, sync_mark, torn_tail};

/// Bytes of one record below: header, batch header, mark with tag and length.
const RECORD_BYTES: usize = 7 + 12 + 18;

/// A record of one change at `sequence`, written when all up to `mark` was synced.
fn record(sequence: u64, mark: u64) -> Vec<u8> {
    let mut payload = sequence.to_le_bytes().to_vec();
    payload.extend(1_u32.to_le_bytes());
    payload.extend([0x3, 16]);
    payload.extend(sync_mark::encode(mark));
    let mut checked = vec![1];
    checked.extend(&payload);
    let mut record = crc32c::masked(&checked).to_le_bytes().to_vec();
    record.extend((payload.len() as u16).to_le_bytes());
    record.extend(checked);
    assert_eq!(record.len(), RECORD_BYTES);
    record
}

/// A log of several records, given as sequence number and mark.
fn log(records: &[(u64, u64)]) -> Vec<u8> {
    records.iter().flat_map(|(sequence, mark)| record(*sequence, *mark)).collect()
}

/// Zeroes a record, as if its page had never reached the disk.
fn without(mut log: Vec<u8>, index: usize) -> Vec<u8> {
    log[index * RECORD_BYTES..(index + 1) * RECORD_BYTES].fill(0);
    log
}

/// Secures a directory with these logs and returns how many records each has afterwards.
fn secured(logs: &[Vec<u8>]) -> Result<Vec<usize>, StoreError> {
    secured_with(Logs::default(), logs)
}

/// The same, with what a manifest says. The first log has number 9.
fn secured_with(known: Logs, logs: &[Vec<u8>]) -> Result<Vec<usize>, StoreError> {
    let dir = tempfile::tempdir().unwrap();
    let path = |index: usize| dir.path().join(format!("{:06}.log", 9 + index));
    for (index, log) in logs.iter().enumerate() {
        fs::write(path(index), log).unwrap();
    }
    fs::write(dir.path().join("MANIFEST-000001"), "not a log").unwrap();
    let outcome = judge(dir.path(), known).map(|torn| torn_tail::cut(dir.path(), &torn).unwrap());
    let contents: Vec<_> = (0..logs.len()).map(|index| fs::read(path(index)).unwrap()).collect();
    if outcome.is_err() {
        assert_eq!(contents, logs, "a refused directory is left as it is");
    }
    outcome.map(|()| contents.iter().map(|log| log.len() / RECORD_BYTES).collect())
}

fn is_refused(logs: &[Vec<u8>]) -> bool {
    matches!(secured(logs), Err(StoreError::Corrupt { .. }))
}

#[test]
fn intact_logs_are_left_alone() {
    assert_eq!(secured(&[]).unwrap(), [0; 0]);
    assert_eq!(secured(&[Vec::new()]).unwrap(), [0]);
    assert_eq!(secured(&[log(&[(5, 4), (6, 5)]), log(&[(7, 6)])]).unwrap(), [2, 1]);
    assert_eq!(judge(Path::new("/nonexistent/sluice/db"), Logs::default()).unwrap(), []);
}

#[test]
fn a_hole_in_one_unsynced_group_leaves_the_prefix_before_it() {
    let group = log(&[(1, 0), (2, 1), (3, 1), (4, 1), (5, 1)]);
    assert_eq!(secured(&[without(group.clone(), 2)]).unwrap(), [2]);
    assert_eq!(secured(&[without(group.clone(), 4)]).unwrap(), [4]);
    assert_eq!(secured(&[without(without(group, 1), 3)]).unwrap(), [1]);
}

#[test]
fn a_hole_that_was_synced_is_refused() {
    assert!(is_refused(&[without(log(&[(1, 0), (2, 1), (3, 2)]), 1)]));
    // The group with the hole, then one whose mark covers it.
    assert!(is_refused(&[without(log(&[(1, 0), (2, 1), (3, 1), (4, 1), (5, 4)]), 2)]));
}

#[test]
fn a_mark_just_below_the_hole_proves_nothing() {
    assert_eq!(secured(&[without(log(&[(1, 0), (2, 1), (3, 1), (4, 1)]), 1)]).unwrap(), [1]);
}

#[test]
fn a_torn_older_log_takes_the_unsynced_newer_one_with_it() {
    let torn = without(log(&[(1, 0), (2, 1), (3, 1)]), 2);
    assert_eq!(secured(&[torn.clone(), log(&[(4, 1), (5, 1)])]).unwrap(), [2, 0]);
    assert!(is_refused(&[torn, log(&[(4, 1), (5, 3)])]));
    let mut cut = log(&[(1, 0), (2, 1), (3, 1)]);
    cut.truncate(2 * RECORD_BYTES + 3);
    assert_eq!(secured(&[cut, log(&[(4, 1)])]).unwrap(), [2, 0]);
}

#[test]
fn damage_at_the_very_beginning_is_refused_if_anything_was_synced_later() {
    assert!(is_refused(&[without(log(&[(5, 4), (6, 5)]), 0)]));
    assert_eq!(secured(&[without(log(&[(5, 4)]), 0)]).unwrap(), [0]);
}

#[test]
fn a_gap_between_two_logs_is_a_hole() {
    assert_eq!(secured(&[log(&[(1, 0)]), log(&[(9, 1), (10, 1)])]).unwrap(), [1, 0]);
    assert!(is_refused(&[log(&[(1, 0)]), log(&[(9, 8)])]));
    assert!(is_refused(&[log(&[(1, 0)]), log(&[(9, 1), (10, 2)])]));
}

#[test]
fn logs_before_the_first_one_needed_are_left_alone() {
    let known = Logs { from: 10, sequence: Some(8) };
    assert_eq!(secured_with(known, &[log(&[(1, 0)]), log(&[(9, 8)])]).unwrap(), [1, 1]);
    let damaged = without(log(&[(1, 0), (2, 1), (3, 2)]), 1);
    assert_eq!(secured_with(known, &[damaged, log(&[(9, 8)])]).unwrap(), [3, 1]);
}

#[test]
fn the_first_log_needed_begins_at_most_after_what_is_in_table_files() {
    let known = Logs { from: 9, sequence: Some(8) };
    for first in [5, 9] {
        assert_eq!(secured_with(known, &[log(&[(first, 4)])]).unwrap(), [1]);
    }
    assert_eq!(secured_with(known, &[log(&[(10, 8)])]).unwrap(), [0]);
    assert!(matches!(secured_with(known, &[log(&[(10, 9)])]), Err(StoreError::Corrupt { .. })));
}

#[test]
fn every_flipped_bit_in_synced_data_is_refused() {
    let intact = log(&[(1, 0), (2, 1), (3, 2)]);
    for bit in 0..RECORD_BYTES * 2 * 8 {
        let mut damaged = intact.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(is_refused(&[damaged]), "bit {bit}");
    }
}
