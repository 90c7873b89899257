//! Judges the logs before RocksDB opens them: a torn tail may be cut off, damage is refused.
//!
//! Every commit carries a [`super::sync_mark`]. Suppose the logs are damaged at some place. If an intact
//! record after that place has a mark that covers the first change missing there, then the missing part had
//! been synced: acknowledged data may be gone, and opening is refused. If no record says so, the missing
//! part and all after it were still un-synced when the power went: nothing of it was acknowledged, and the
//! logs are cut there, so that what remains is a prefix.
//!
//! What no log can tell without a second fsync per commit: damage in the very last synced group after a
//! crash looks like a torn tail. After an orderly stop nothing does: see [`crate::data_dir`].
//!
//! Two logs may be un-synced at once, and the older one may be lost between two of its records, or as a whole.
//! So the sequence numbers of the logs that the manifest says are needed have to follow each other, beginning
//! at most one after what is in table files; a gap is judged as damage. Other logs are left alone: they only
//! wait for their removal.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use super::manifest_check::Logs;
use super::sync_mark::{BatchHead, batch_head};
use super::torn_tail::TornTail;
use super::wal_records::{Item, WalRecords};
use crate::StoreError;

/// The first place where the logs are not intact.
#[derive(Debug, Clone, Copy)]
struct Hole {
    /// Index of the log.
    log: usize,
    offset: u64,
    /// Sequence number of the first change that is missing, unless nothing intact precedes it.
    sequence: Option<u64>,
}

/// What is known after reading part of the logs.
#[derive(Debug)]
struct Findings {
    known: Logs,
    /// Sequence number that the next record should have.
    next_sequence: Option<u64>,
    hole: Option<Hole>,
}

/// Reads the logs in `path` that are needed, and refuses those that miss what had been synced. Returns where the others are
/// torn; nothing is changed.
pub(super) fn judge(path: &Path, known: Logs) -> Result<Vec<TornTail>, StoreError> {
    let logs = logs(path, known.from)?;
    let mut findings = Findings { known, next_sequence: None, hole: None };
    for index in 0..logs.len() {
        read_log(&logs, index, &mut findings)?;
    }
    let Some(hole) = findings.hole else { return Ok(Vec::new()) };
    let tail = |(index, file)| TornTail {
        file,
        kept_bytes: if index == hole.log { hole.offset } else { 0 },
    };
    Ok(logs.into_iter().enumerate().skip(hole.log).map(tail).collect())
}

/// Returns the logs in a directory from this number on, oldest first.
pub(super) fn logs(path: &Path, from: u64) -> Result<Vec<PathBuf>, StoreError> {
    let io = |error| StoreError::io("list", path, error);
    if !path.try_exists().map_err(io)? {
        return Ok(Vec::new());
    }
    let mut logs = Vec::new();
    for entry in fs::read_dir(path).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let number = stem.and_then(|stem| stem.parse::<u64>().ok());
        if let (Some(number), Some("log")) = (number, path.extension().and_then(|e| e.to_str()))
            && number >= from
        {
            logs.push((number, path));
        }
    }
    logs.sort();
    Ok(logs.into_iter().map(|(_, path)| path).collect())
}

fn read_log(logs: &[PathBuf], index: usize, findings: &mut Findings) -> Result<(), StoreError> {
    let path = &logs[index];
    let io = |error| StoreError::io("read", path, error);
    let mut records = WalRecords::new(BufReader::new(File::open(path).map_err(io)?));
    while let Some(item) = records.next().map_err(io)? {
        let (offset, head) = match item {
            Item::Record { offset, payload } => (offset, batch_head(&payload)),
            Item::Damage { offset } => (offset, None),
        };
        if findings.hole.is_none() {
            findings.hole =
                findings.hole_at(head).map(|sequence| Hole { log: index, offset, sequence });
        }
        match (head, findings.hole) {
            (Some(head), Some(hole)) if is_proof_of_loss(hole, head) => {
                return Err(refusal(logs, hole));
            }
            (Some(head), None) => {
                findings.next_sequence = Some(head.sequence.saturating_add(head.count));
            }
            (Some(_) | None, _) => {}
        }
    }
    Ok(())
}

impl Findings {
    /// Says whether something is missing before what was read, or is damaged there, and since which change.
    fn hole_at(&self, head: Option<BatchHead>) -> Option<Option<u64>> {
        let first_max = self.known.sequence.map(|sequence| sequence.saturating_add(1));
        match head {
            None => Some(self.next_sequence),
            Some(head) => {
                let expected = self.next_sequence.or(first_max)?;
                (head.sequence > expected).then_some(Some(expected))
            }
        }
    }
}

/// Says whether an intact record shows that what is missing in the hole had been synced.
fn is_proof_of_loss(hole: Hole, head: BatchHead) -> bool {
    match (head.mark, hole.sequence) {
        (Some(mark), Some(missing)) => mark >= missing,
        // Nothing says what is missing, so any sync may have covered it.
        (Some(_), None) => true,
        (None, _) => false,
    }
}

fn refusal(logs: &[PathBuf], hole: Hole) -> StoreError {
    let detail = format!(
        "at byte {} the log is unreadable, or what precedes it is missing, and data synced later follows",
        hole.offset
    );
    StoreError::Corrupt { path: logs[hole.log].clone(), detail }
}

#[cfg(test)]
mod tests;
