//! Between a partition's rows in the store and its state machine in the engine.

use std::collections::BTreeSet;

use sluice_engine::{
    Change, DeadlineKey, DueKey, Found, GroupId, GroupRow, Limits, Lookup, NOISY_PLACES, Page,
    Partition, PartitionRow, QueueConfig, Sequence, Stored, Want,
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
    let mut touched = Vec::new();
    scan_all(reader, keys::touched_from(id, partition.touched_cursor), |key, bytes| {
        touched.push((sequence_of(key)?, rows::get_touched(bytes)?));
        Ok(())
    })?;
    let of_touched = touched.iter().map(|(_, row)| row.group);
    let others = partition.noisy.iter().copied().chain([GroupId::NONE]);
    let named: BTreeSet<GroupId> = of_touched.chain(others).collect();
    let groups = read_groups(reader, id, &named.into_iter().collect::<Vec<_>>())?;
    Ok(Partition::open(Stored { partition, groups, touched }, config, limits, now_ms))
}

/// The partitions of a shard that have something in their outbox.
pub(super) fn with_departures(reader: &dyn Reader) -> Result<Vec<u64>, ReadFault> {
    let mut found = Vec::new();
    scan_all(reader, keys::partitions(), |key, bytes| {
        if rows::get_partition(bytes)?.outbox.count > 0 {
            found.push(keys::tail(key).map(u64::from_be_bytes).ok_or_else(|| bad_key(key))?);
        }
        Ok(())
    })?;
    Ok(found)
}

/// Reads the rows that a partition wants.
pub(super) fn read_page(reader: &dyn Reader, id: u64, want: Want) -> Result<Page, ReadFault> {
    Ok(match want {
        Want::Log { group, after, limit } => {
            let range = keys::log_after(id, group, after);
            let entries = scan(reader, range, limit, |key, bytes| {
                Ok(rows::get_log(sequence_of(key)?, bytes)?)
            })?;
            Page::Log(group, entries)
        }
        Want::Due { after, limit } => {
            let range = keys::due_after(id, after);
            let due = |key: &[u8], bytes: &[u8]| Ok((rows::get_member(bytes)?, due_key_of(key)?));
            Page::Due(scan(reader, range, limit, due)?)
        }
        Want::Ready { after, limit } => {
            let range = keys::ready_after(id, after);
            let place = |key: &[u8], bytes: &[u8]| {
                let group = rows::get_member(bytes)?;
                let row = read_group(reader, id, group)?.unwrap_or_default();
                Ok((sequence_of(key)?, group, row))
            };
            Page::Ready(scan(reader, range, limit, place)?)
        }
        Want::Deadlines { after, limit } => {
            let range = keys::deadlines_after(id, after);
            Page::Deadlines(scan(reader, range, limit, |key, _| Ok(deadline_key_of(key)?))?)
        }
        Want::Outbox { after, limit } => {
            let range = keys::outbox_after(id, after);
            Page::Outbox(scan(reader, range, limit, |key, bytes| {
                Ok((sequence_of(key)?, rows::get_departure(bytes)?))
            })?)
        }
        Want::Group(group) => Page::Group(group, read_group(reader, id, group)?),
    })
}

/// Reads the rows that a lookup asks for.
pub(super) fn look_up(
    reader: &dyn Reader,
    id: u64,
    lookup: Lookup,
) -> Result<Vec<Found>, ReadFault> {
    let find_group = |group: GroupId| -> Result<Option<Found>, ReadFault> {
        Ok(read_group(reader, id, group)?.map(|row| Found::Group(group, row)))
    };
    Ok(match lookup {
        Lookup::Returned(sequence) => {
            let Some(bytes) = reader.get(Space::Rows, &keys::returned(id, sequence))? else {
                return Ok(Vec::new());
            };
            let (group, position) = rows::get_returned(&bytes)?;
            let Some(bytes) = reader.get(Space::Rows, &keys::log(id, group, position))? else {
                return Ok(Vec::new());
            };
            let entry = rows::get_log(position, &bytes)?;
            [Found::Returned(group, entry)].into_iter().chain(find_group(group)?).collect()
        }
        Lookup::Group(group) => find_group(group)?.into_iter().collect(),
        Lookup::Arrivals(from) => {
            let found = reader.get(Space::Rows, &keys::arrivals(id, from))?;
            let last = found.map(|bytes| rows::get_arrivals(&bytes)).transpose()?;
            last.map(|last| Found::Arrivals(from, last)).into_iter().collect()
        }
        Lookup::Duplicate(key) => {
            let found = reader.get(Space::Rows, &keys::duplicate(id, key))?;
            let row = found.map(|bytes| rows::get_duplicate(&bytes)).transpose()?;
            row.map(|row| Found::Duplicate(key, row)).into_iter().collect()
        }
    })
}

fn read_group(reader: &dyn Reader, id: u64, group: GroupId) -> Result<Option<GroupRow>, ReadFault> {
    match reader.get(Space::Rows, &keys::group(id, group))? {
        Some(bytes) => Ok(Some(rows::get_group(&bytes)?)),
        None => Ok(None),
    }
}

/// Reads the rows of groups, of those that have one.
fn read_groups(
    reader: &dyn Reader,
    id: u64,
    groups: &[GroupId],
) -> Result<Vec<(GroupId, GroupRow)>, ReadFault> {
    let mut found = Vec::new();
    for chunk in groups.chunks(OPEN_PAGE_ROWS) {
        let group_keys: Vec<_> = chunk.iter().map(|group| keys::group(id, *group)).collect();
        let rows = reader.multi_get(Space::Rows, &group_keys)?;
        for (group, bytes) in chunk.iter().zip(rows) {
            if let Some(bytes) = bytes {
                found.push((*group, rows::get_group(&bytes)?));
            }
        }
    }
    Ok(found)
}

/// Reads the first rows of a range.
fn scan<T>(
    reader: &dyn Reader,
    range: std::ops::Range<Vec<u8>>,
    limit: usize,
    read: impl Fn(&[u8], &[u8]) -> Result<T, ReadFault>,
) -> Result<Vec<T>, ReadFault> {
    let found = reader.scan(Space::Rows, range.start.as_slice()..&range.end, limit)?;
    found.iter().map(|(key, bytes)| read(key, bytes)).collect()
}

/// Writes one change into a batch.
pub(super) fn write_change(batch: &mut Batch, id: u64, change: &Change) {
    match change {
        Change::Logged(group, entry) => {
            let position = entry.position;
            batch.put(Space::Rows, keys::log(id, *group, position), rows::put_log(entry));
            if entry.is_returned() {
                let row = rows::put_returned(*group, position);
                batch.put(Space::Rows, keys::returned(id, entry.sequence), row);
            }
        }
        Change::Unlogged(group, entry) => {
            batch.delete(Space::Rows, keys::log(id, *group, entry.position));
            write_change(batch, id, &Change::Passed(*entry));
        }
        Change::Passed(entry) => {
            if entry.is_returned() {
                batch.delete(Space::Rows, keys::returned(id, entry.sequence));
            }
        }
        Change::Trimmed(up_to) => {
            batch.delete_range(Space::Rows, keys::log_up_to(id, GroupId::NONE, *up_to));
        }
        Change::Scheduled(group, key) => {
            batch.put(Space::Rows, keys::due(id, *key), rows::put_member(*group));
        }
        Change::Unscheduled(key) => batch.delete(Space::Rows, keys::due(id, *key)),
        Change::Touched(sequence, row) => {
            batch.put(Space::Rows, keys::touched(id, *sequence), rows::put_touched(row));
        }
        Change::Untouched(sequence) => batch.delete(Space::Rows, keys::touched(id, *sequence)),
        Change::Erased(sequence) => batch.delete(Space::Bodies, keys::body(id, *sequence)),
        Change::Departed(number, departure) => {
            batch.put(Space::Rows, keys::outbox(id, *number), rows::put_departure(departure));
        }
        Change::Returned(number) => batch.delete(Space::Rows, keys::outbox(id, *number)),
        Change::Delivered(number, sequence) => {
            batch.delete(Space::Rows, keys::outbox(id, *number));
            batch.delete(Space::Bodies, keys::body(id, *sequence));
        }
        Change::Arrived(from, number) => {
            batch.put(Space::Rows, keys::arrivals(id, *from), rows::put_arrivals(*number));
        }
        // Noisy groups stand in the partition row.
        Change::LinedUp(_, place) | Change::LeftLine(_, place) if *place >= NOISY_PLACES => {}
        Change::LinedUp(group, place) => {
            batch.put(Space::Rows, keys::ready(id, *place), rows::put_member(*group));
        }
        Change::LeftLine(_, place) => batch.delete(Space::Rows, keys::ready(id, *place)),
        Change::Remembered(key, row) => {
            let deadline = DeadlineKey { deadline_ms: row.deadline_ms, key: *key };
            batch.put(Space::Rows, keys::duplicate(id, *key), rows::put_duplicate(row));
            batch.put(Space::Rows, keys::deadline(id, deadline), Vec::new());
        }
        Change::Forgotten(deadline) => {
            batch.delete(Space::Rows, keys::duplicate(id, deadline.key));
            batch.delete(Space::Rows, keys::deadline(id, *deadline));
        }
        Change::Purged(_) => keys::purge(batch, id),
    }
}

/// Writes the partition's own numbers into a batch.
pub(super) fn write_numbers(
    batch: &mut Batch,
    id: u64,
    partition: Option<PartitionRow>,
    groups: &[(GroupId, Option<GroupRow>)],
) {
    if let Some(row) = partition {
        batch.put(Space::Rows, keys::partition(id), rows::put_partition(&row));
    }
    for (group, row) in groups {
        let key = keys::group(id, *group);
        match row {
            Some(row) => batch.put(Space::Rows, key, rows::put_group(row)),
            None => batch.delete(Space::Rows, key),
        }
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

pub(super) fn sequence_of(key: &[u8]) -> Result<Sequence, BadRow> {
    keys::tail(key).map(|bytes| Sequence(u64::from_be_bytes(bytes))).ok_or_else(|| bad_key(key))
}

pub(super) fn deadline_key_of(key: &[u8]) -> Result<DeadlineKey, BadRow> {
    let bytes: [u8; 24] = keys::tail(key).ok_or_else(|| bad_key(key))?;
    let (deadline, key) = bytes.split_at(8);
    Ok(DeadlineKey {
        deadline_ms: u64::from_be_bytes(deadline.try_into().map_err(|_| bad_key(key))?),
        key: u128::from_be_bytes(key.try_into().map_err(|_| bad_key(key))?),
    })
}

pub(super) fn due_key_of(key: &[u8]) -> Result<DueKey, BadRow> {
    let bytes: [u8; 16] = keys::tail(key).ok_or_else(|| bad_key(key))?;
    let numbers = u128::from_be_bytes(bytes);
    let due_ms = u64::try_from(numbers >> 64).map_err(|_| bad_key(key))?;
    let sequence = u64::try_from(numbers & u128::from(u64::MAX)).map_err(|_| bad_key(key))?;
    Ok(DueKey { due_ms, sequence: Sequence(sequence) })
}
