//! Reads the manifest before RocksDB does: where it is torn, and which logs are still needed.
//!
//! RocksDB syncs the manifest before it relies on what it wrote there, so a record that a crash tore changed
//! nothing yet. It ignores one that the end of the file cuts off, but refuses one whose pages reached the disk
//! in part. Pages that did not reach it are zero. So an end that is whole and has no zero page was synced, and
//! then damaged: what it said is lost, and the start is refused, as it is when an intact record follows.
//!
//! Several records may share a sync, and only the pages of the later ones reach the disk. Then the sector in which the lost ones
//! begin is still as it was: zeros from there to its end, which no sync has ever left behind.
//!
//! A synced record that the disk cuts off, or makes zero, looks like a torn one. Mostly RocksDB then misses the logs
//! and files that it had deleted since (`track_and_verify_wals_in_manifest`), and refuses.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::Path;

use super::torn_tail::TornTail;
use super::wal_records::{self, Item, WalRecords};
use crate::StoreError;

/// Names the manifest in use.
const CURRENT: &str = "CURRENT";
const MANIFEST_PREFIX: &str = "MANIFEST-";

/// Tags of an edit (`db/version_edit.h`) with one number each; they come before those with more.
const TAG_LOG_NUMBER: u64 = 2;
const TAG_NEXT_FILE_NUMBER: u64 = 3;
const TAG_LAST_SEQUENCE: u64 = 4;
const TAG_PREVIOUS_LOG_NUMBER: u64 = 9;
const TAG_LOGS_FROM: u64 = 10;
const TAG_MAX_COLUMN_FAMILY: u64 = 203;
/// What a disk writes as a whole.
const SECTOR_BYTES: u64 = 512;
/// Fewer zeros than these may be part of what was written, unless nothing else follows.
const ZEROS_MIN: u64 = 8;
/// A tag with a number in a string.
const TAG_LOGS_DELETED_BEFORE: u64 = 8_200;

/// What the manifest says about the logs.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Logs {
    /// Logs with smaller numbers are in table files; all others are needed.
    pub(super) from: u64,
    /// The highest sequence number in table files, if any was ever written.
    pub(super) sequence: Option<u64>,
}

/// Reads the manifest of the database in `path`, and refuses one that is damaged before its end. Nothing is changed; a
/// directory without one is fine.
pub(super) fn judge(path: &Path) -> Result<(Logs, Option<TornTail>), StoreError> {
    let current = path.join(CURRENT);
    let name = match fs::read(&current) {
        Ok(name) => name,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok((Logs::default(), None));
        }
        Err(error) => return Err(StoreError::io("read", &current, error)),
    };
    // What does not name a manifest, or a missing one, RocksDB refuses with its own words.
    match str::from_utf8(&name).ok().map(str::trim_end) {
        Some(name) if name.starts_with(MANIFEST_PREFIX) && !name.contains('/') => {
            judge_manifest(&path.join(name))
        }
        _ => Ok((Logs::default(), None)),
    }
}

fn judge_manifest(path: &Path) -> Result<(Logs, Option<TornTail>), StoreError> {
    let io = |error| StoreError::io("read", path, error);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok((Logs::default(), None));
        }
        Err(error) => return Err(io(error)),
    };
    let mut records = WalRecords::new(BufReader::new(file));
    let mut logs = Logs::default();
    let mut has_records = false;
    let mut torn_at = None;
    let mut goes_on = false;
    while let Some(item) = records.next().map_err(io)? {
        match (item, torn_at) {
            (Item::Record { .. }, Some(_)) => goes_on = true,
            (Item::Record { payload, .. }, None) => {
                has_records = true;
                logs.learn(&payload);
            }
            (Item::Damage { offset }, None) => torn_at = Some(offset),
            (Item::Damage { .. }, Some(_)) => {}
        }
    }
    let Some(offset) = torn_at else { return Ok((logs, None)) };
    let bytes = fs::read(path).map_err(io)?;
    let tail = bytes.get(usize::try_from(offset).unwrap_or(usize::MAX)..).unwrap_or_default();
    let is_torn = is_old(tail, offset) || (!goes_on && is_torn(tail, offset));
    // A manifest is in use only after its beginning was synced.
    if !has_records || !is_torn {
        let detail = format!("the manifest is unreadable at byte {offset}");
        return Err(StoreError::Corrupt { path: path.to_owned(), detail });
    }
    Ok((logs, Some(TornTail { file: path.to_owned(), kept_bytes: offset })))
}

/// Whether the sector in which `tail` begins, at `offset`, is as it was before anything was written to it from there on.
fn is_old(tail: &[u8], offset: u64) -> bool {
    !offset.is_multiple_of(SECTOR_BYTES) && is_missing(at_sector_end(tail, offset).0)
}

/// Whether the end of the file may be a write that a crash interrupted: it is cut off, or some of its sectors never reached the
/// disk.
fn is_torn(tail: &[u8], offset: u64) -> bool {
    let (head, rest) = at_sector_end(tail, offset);
    wal_records::is_cut_off(tail)
        || tail.iter().all(|byte| *byte == 0)
        || is_missing(head)
        || rest.chunks(SECTOR_BYTES as usize).any(is_missing)
}

/// Splits `tail` where the sector ends in which it begins.
fn at_sector_end(tail: &[u8], offset: u64) -> (&[u8], &[u8]) {
    let head = usize::try_from(SECTOR_BYTES - offset % SECTOR_BYTES).unwrap_or(0);
    tail.split_at(head.min(tail.len()))
}

fn is_missing(sector: &[u8]) -> bool {
    sector.len() as u64 >= ZEROS_MIN && sector.iter().all(|byte| *byte == 0)
}

impl Logs {
    /// Takes what one edit says about logs; edits that say nothing about them end the reading.
    fn learn(&mut self, mut edit: &[u8]) {
        let input = &mut edit;
        while let Some((tag, number)) = next_number(input) {
            match tag {
                TAG_LOGS_FROM | TAG_LOGS_DELETED_BEFORE => self.from = self.from.max(number),
                TAG_LAST_SEQUENCE => self.sequence = self.sequence.max(Some(number)),
                _ => {}
            }
        }
    }
}

/// Takes a tag and its number, if it has one.
fn next_number(input: &mut &[u8]) -> Option<(u64, u64)> {
    let tag = take_varint(input)?;
    match tag {
        TAG_LOG_NUMBER
        | TAG_NEXT_FILE_NUMBER
        | TAG_LAST_SEQUENCE
        | TAG_PREVIOUS_LOG_NUMBER
        | TAG_LOGS_FROM
        | TAG_MAX_COLUMN_FAMILY => {}
        TAG_LOGS_DELETED_BEFORE => {
            take_varint(input)?;
        }
        _ => return None,
    }
    Some((tag, take_varint(input)?))
}

fn take_varint(input: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = input.split_first()?;
        *input = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests;
