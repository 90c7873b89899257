//! Between a partition's rows in the store and its state machine in the engine.

use sluice_engine::{
    Change, DueKey, GroupId, GroupRow, Limits, Page, Partition, PartitionRow, QueueConfig,
    Sequence, Stored, TouchedRow, Want,
};
use sluice_store::{Batch, Reader, Space, StoreError};

use super::rows::BadRow;
use super::{keys, rows};

/// Rows that one scan reads while a partition is opened.
const OPEN_PAGE_ROWS: usize = 10_000;

/// Rows that cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadFault {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Row(#[from] BadRow),
}

/// Opens a partition: reads its own row, its groups and what was touched, never the backlog.
pub(super) fn open(
    reader: &dyn Reader,
    id: u64,
    config: QueueConfig,
    limits: Limits,
    now_ms: u64,
) -> Result<Partition, ReadFault> {
    let partition = match reader.get(Space::Rows, &keys::partition(id))? {
        Some(bytes) => rows::get_partition(&bytes)?,
        None => PartitionRow::default(),
    };
    let mut groups = Vec::new();
    scan_all(reader, keys::groups(id), |key, bytes| {
        groups.push((group_of(key)?, rows::get_group(bytes)?));
        Ok(())
    })?;
    let mut touched = Vec::new();
    scan_all(reader, keys::touched_from(id, partition.touched_cursor), |key, bytes| {
        let row = rows::get_touched(bytes)?;
        if row.position.is_none() {
            touched.push((sequence_of(key)?, row));
        }
        Ok(())
    })?;
    Ok(Partition::open(Stored { partition, groups, touched }, config, limits, now_ms))
}

/// Reads the rows that a partition wants.
pub(super) fn read_page(reader: &dyn Reader, id: u64, want: Want) -> Result<Page, ReadFault> {
    match want {
        Want::Log { group, after, limit } => {
            let range = keys::log_after(id, group, after);
            let found = reader.scan(Space::Rows, range.start.as_slice()..&range.end, limit)?;
            let entries: Result<Vec<_>, ReadFault> = found
                .iter()
                .map(|(key, bytes)| Ok(rows::get_log(sequence_of(key)?, bytes)?))
                .collect();
            Ok(Page::Log(group, entries?))
        }
        Want::Due { after, limit } => {
            let range = keys::due_after(id, after);
            let found = reader.scan(Space::Rows, range.start.as_slice()..&range.end, limit)?;
            let due: Result<Vec<_>, ReadFault> = found
                .iter()
                .map(|(key, bytes)| Ok((rows::get_due(bytes)?, due_key_of(key)?)))
                .collect();
            Ok(Page::Due(due?))
        }
    }
}

/// Reads the touched row of a message that is in the log again.
pub(super) fn read_touched(
    reader: &dyn Reader,
    id: u64,
    sequence: Sequence,
) -> Result<Option<TouchedRow>, ReadFault> {
    match reader.get(Space::Rows, &keys::touched(id, sequence))? {
        Some(bytes) => Ok(Some(rows::get_touched(&bytes)?)),
        None => Ok(None),
    }
}

/// Writes one change into a batch.
pub(super) fn write_change(batch: &mut Batch, id: u64, change: &Change) {
    match change {
        Change::Logged(group, entry) => {
            batch.put(Space::Rows, keys::log(id, *group, entry.position), rows::put_log(entry));
        }
        Change::Unlogged(group, position) => {
            batch.delete(Space::Rows, keys::log(id, *group, *position));
        }
        Change::Scheduled(group, key) => {
            batch.put(Space::Rows, keys::due(id, *key), rows::put_due(*group));
        }
        Change::Unscheduled(key) => batch.delete(Space::Rows, keys::due(id, *key)),
        Change::Touched(sequence, row) => {
            batch.put(Space::Rows, keys::touched(id, *sequence), rows::put_touched(row));
        }
        Change::Erased(sequence) => {
            batch.delete(Space::Rows, keys::touched(id, *sequence));
            batch.delete(Space::Bodies, keys::body(id, *sequence));
        }
        Change::Purged(_) => keys::purge(batch, id),
    }
}

/// Writes the partition's own numbers into a batch.
pub(super) fn write_numbers(
    batch: &mut Batch,
    id: u64,
    partition: Option<PartitionRow>,
    groups: &[(GroupId, GroupRow)],
) {
    if let Some(row) = partition {
        batch.put(Space::Rows, keys::partition(id), rows::put_partition(&row));
    }
    for (group, row) in groups {
        batch.put(Space::Rows, keys::group(id, *group), rows::put_group(row));
    }
}

/// Visits a whole range. One page of it is in memory at a time.
fn scan_all(
    reader: &dyn Reader,
    range: std::ops::Range<Vec<u8>>,
    mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), BadRow>,
) -> Result<(), ReadFault> {
    let mut start = range.start;
    loop {
        let page = reader.scan(Space::Rows, start.as_slice()..&range.end, OPEN_PAGE_ROWS)?;
        for (key, bytes) in &page {
            visit(key, bytes)?;
        }
        match page.last() {
            Some((key, _)) if page.len() == OPEN_PAGE_ROWS => {
                start.clone_from(key);
                // The smallest key after the last one.
                start.push(0);
            }
            Some(_) | None => return Ok(()),
        }
    }
}

fn bad_key(key: &[u8]) -> BadRow {
    BadRow { row: "key of a", found: key.len() }
}

fn sequence_of(key: &[u8]) -> Result<Sequence, BadRow> {
    keys::tail(key).map(|bytes| Sequence(u64::from_be_bytes(bytes))).ok_or_else(|| bad_key(key))
}

fn group_of(key: &[u8]) -> Result<GroupId, BadRow> {
    keys::tail(key).map(|bytes| GroupId(u128::from_be_bytes(bytes))).ok_or_else(|| bad_key(key))
}

fn due_key_of(key: &[u8]) -> Result<DueKey, BadRow> {
    let bytes: [u8; 16] = keys::tail(key).ok_or_else(|| bad_key(key))?;
    let numbers = u128::from_be_bytes(bytes);
    let due_ms = u64::try_from(numbers >> 64).map_err(|_| bad_key(key))?;
    let sequence = u64::try_from(numbers & u128::from(u64::MAX)).map_err(|_| bad_key(key))?;
    Ok(DueKey { due_ms, sequence: Sequence(sequence) })
}
