//! Values of the rows of a partition. Each starts with its version; fields are big-endian.
//!
//! A version that is not known is a fault of the store: the row was written by a newer server or is damaged.

use bytes::{Buf, BufMut, TryGetError};
use sluice_engine::{
    DeadlineKey, Departure, Destination, DueKey, DuplicateRow, GroupId, GroupRow, History,
    IndexRow, LogEntry, PartitionRow, QueueAddress, Sequence, TouchedRow,
};

const VERSION: u8 = 1;

/// A field that can be read and means nothing; [`read`] makes a bad row of it.
const IMPOSSIBLE: TryGetError = TryGetError { requested: 1, available: 0 };

/// A row that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("a {row} row is damaged or was written by a newer version of sluice ({found} bytes)")]
pub(crate) struct BadRow {
    pub(crate) row: &'static str,
    pub(crate) found: usize,
}

/// Reads a row: checks the version, then the fields, then that nothing is left.
pub(super) fn read<T>(
    row: &'static str,
    bytes: &[u8],
    fields: impl FnOnce(&mut &[u8]) -> Result<T, TryGetError>,
) -> Result<T, BadRow> {
    read_version(VERSION, row, bytes, fields)
}

fn read_version<T>(
    version: u8,
    row: &'static str,
    bytes: &[u8],
    fields: impl FnOnce(&mut &[u8]) -> Result<T, TryGetError>,
) -> Result<T, BadRow> {
    let bad = BadRow { row, found: bytes.len() };
    let mut rest = bytes;
    if rest.try_get_u8() != Ok(version) {
        return Err(bad);
    }
    match fields(&mut rest) {
        Ok(value) if rest.is_empty() => Ok(value),
        Ok(_) | Err(_) => Err(bad),
    }
}

/// Starts a row.
pub(super) fn start(capacity: usize) -> Vec<u8> {
    let mut row = Vec::with_capacity(capacity + 1);
    row.put_u8(VERSION);
    row
}

/// Since this version the row counts log rows that were passed.
const PARTITION_VERSION: u8 = 2;

pub(super) fn put_partition(row: &PartitionRow) -> Vec<u8> {
    let mut out = Vec::with_capacity(121 + row.noisy.len() * 16);
    out.put_u8(PARTITION_VERSION);
    out.put_u64(row.passed_rows);
    out.put_u64(row.last_sequence.0);
    out.put_u64(row.log_count);
    out.put_u64(row.due.count);
    out.put_u64(row.due.cursor.due_ms);
    out.put_u64(row.due.cursor.sequence.0);
    out.put_u64(row.ready.count);
    out.put_u64(row.ready.cursor.0);
    out.put_u64(row.deadlines.count);
    out.put_u64(row.deadlines.cursor.deadline_ms);
    out.put_u128(row.deadlines.cursor.key);
    out.put_u64(row.outbox.count);
    out.put_u64(row.outbox.cursor.0);
    out.put_u64(row.touched_cursor.0);
    for group in &row.noisy {
        out.put_u128(group.0);
    }
    out
}

pub(super) fn get_partition(bytes: &[u8]) -> Result<PartitionRow, BadRow> {
    let version = bytes.first().copied().filter(|version| *version == PARTITION_VERSION);
    read_version(version.unwrap_or(VERSION), "partition", bytes, |row| {
        let passed_rows = if version.is_some() { row.try_get_u64()? } else { 0 };
        Ok(PartitionRow {
            passed_rows,
            last_sequence: Sequence(row.try_get_u64()?),
            log_count: row.try_get_u64()?,
            due: IndexRow {
                count: row.try_get_u64()?,
                cursor: DueKey {
                    due_ms: row.try_get_u64()?,
                    sequence: Sequence(row.try_get_u64()?),
                },
            },
            ready: IndexRow { count: row.try_get_u64()?, cursor: Sequence(row.try_get_u64()?) },
            deadlines: IndexRow {
                count: row.try_get_u64()?,
                cursor: DeadlineKey { deadline_ms: row.try_get_u64()?, key: row.try_get_u128()? },
            },
            outbox: IndexRow { count: row.try_get_u64()?, cursor: Sequence(row.try_get_u64()?) },
            touched_cursor: Sequence(row.try_get_u64()?),
            noisy: get_groups(row)?,
        })
    })
}

/// The groups up to the end of the row.
fn get_groups(row: &mut &[u8]) -> Result<Vec<GroupId>, TryGetError> {
    let mut groups = Vec::new();
    while row.has_remaining() {
        groups.push(GroupId(row.try_get_u128()?));
    }
    Ok(groups)
}

pub(super) fn put_group(row: &GroupRow) -> Vec<u8> {
    let mut out = start(24);
    out.put_u64(row.cursor.0);
    out.put_u64(row.log_count);
    put_place(&mut out, row.ready);
    out
}

pub(super) fn get_group(bytes: &[u8]) -> Result<GroupRow, BadRow> {
    read("group", bytes, |row| {
        Ok(GroupRow {
            cursor: Sequence(row.try_get_u64()?),
            log_count: row.try_get_u64()?,
            ready: get_place(row)?,
        })
    })
}

pub(super) fn put_duplicate(row: &DuplicateRow) -> Vec<u8> {
    let mut out = start(32);
    out.put_u64(row.deadline_ms);
    out.put_u64(row.sequence.0);
    out.put_u128(row.message);
    out
}

pub(super) fn get_duplicate(bytes: &[u8]) -> Result<DuplicateRow, BadRow> {
    read("duplicate", bytes, |row| {
        Ok(DuplicateRow {
            deadline_ms: row.try_get_u64()?,
            sequence: Sequence(row.try_get_u64()?),
            message: row.try_get_u128()?,
        })
    })
}

/// A place that may be absent; zero is never assigned.
fn put_place(out: &mut Vec<u8>, place: Option<Sequence>) {
    out.put_u64(place.map_or(0, |place| place.0));
}

fn get_place(row: &mut &[u8]) -> Result<Option<Sequence>, TryGetError> {
    Ok(Some(Sequence(row.try_get_u64()?)).filter(|place| *place != Sequence::ZERO))
}

/// The usual entry, whose message was never received and stands where it was sent, takes one byte.
pub(super) fn put_log(entry: &LogEntry) -> Vec<u8> {
    let sequence = entry.sequence;
    if sequence == entry.position && entry.history == History::sent_at(sequence.at_ms()) {
        return start(0);
    }
    let mut out = start(32);
    out.put_u64(sequence.0);
    put_history(&mut out, entry.history);
    out
}

pub(super) fn get_log(position: Sequence, bytes: &[u8]) -> Result<LogEntry, BadRow> {
    read("log", bytes, |row| {
        if row.is_empty() {
            let history = History::sent_at(position.at_ms());
            return Ok(LogEntry { position, sequence: position, history });
        }
        let sequence = Sequence(row.try_get_u64()?);
        Ok(LogEntry { position, sequence, history: get_history(row)? })
    })
}

fn put_history(out: &mut Vec<u8>, history: History) {
    out.put_u32(history.receive_count);
    out.put_u32(history.receives_elsewhere);
    out.put_u64(history.first_received_at_ms);
    out.put_u64(history.enqueued_at_ms);
}

/// Far from both: what a message can reach, and what a counter can hold.
const RECEIVES_MAX: u32 = u32::MAX / 2;

/// The engine counts receives up, and takes those elsewhere off: it must not be given what no message went through.
fn get_history(row: &mut &[u8]) -> Result<History, TryGetError> {
    let history = History {
        receive_count: row.try_get_u32()?,
        receives_elsewhere: row.try_get_u32()?,
        first_received_at_ms: row.try_get_u64()?,
        enqueued_at_ms: row.try_get_u64()?,
    };
    if history.receives_elsewhere > history.receive_count || history.receive_count > RECEIVES_MAX {
        return Err(IMPOSSIBLE);
    }
    Ok(history)
}

const TO_DEAD_LETTERS: u8 = 1;
const TO_QUEUE: u8 = 2;
const TO_SOURCE: u8 = 3;

pub(super) fn put_departure(row: &Departure) -> Vec<u8> {
    let mut out = start(64);
    out.put_u64(row.sequence.0);
    out.put_u128(row.group.0);
    put_history(&mut out, row.history);
    let (kind, address) = match row.to {
        Destination::DeadLetters(address) => (TO_DEAD_LETTERS, address.0),
        Destination::Queue(address) => (TO_QUEUE, address.0),
        Destination::Source => (TO_SOURCE, 0),
    };
    out.put_u8(kind);
    out.put_u64(address);
    out
}

pub(super) fn get_departure(bytes: &[u8]) -> Result<Departure, BadRow> {
    read("outbox", bytes, |row| {
        let sequence = Sequence(row.try_get_u64()?);
        let group = GroupId(row.try_get_u128()?);
        let history = get_history(row)?;
        let kind = row.try_get_u8()?;
        let address = QueueAddress(row.try_get_u64()?);
        let to = match kind {
            TO_DEAD_LETTERS => Destination::DeadLetters(address),
            TO_QUEUE => Destination::Queue(address),
            TO_SOURCE => Destination::Source,
            _ => return Err(IMPOSSIBLE),
        };
        Ok(Departure { sequence, group, history, to })
    })
}

pub(super) fn put_arrivals(last: Sequence) -> Vec<u8> {
    let mut out = start(8);
    out.put_u64(last.0);
    out
}

pub(super) fn get_arrivals(bytes: &[u8]) -> Result<Sequence, BadRow> {
    read("arrivals", bytes, |row| Ok(Sequence(row.try_get_u64()?)))
}

/// The group that a due row or a place in line belongs to.
pub(super) fn put_member(group: GroupId) -> Vec<u8> {
    let mut out = start(16);
    out.put_u128(group.0);
    out
}

pub(super) fn get_member(bytes: &[u8]) -> Result<GroupId, BadRow> {
    read("due or ready", bytes, |row| Ok(GroupId(row.try_get_u128()?)))
}

pub(super) fn put_touched(row: &TouchedRow) -> Vec<u8> {
    let mut out = start(48);
    out.put_u128(row.group.0);
    put_history(&mut out, row.history);
    out.put_u64(row.visible_at_ms);
    out
}

pub(super) fn get_touched(bytes: &[u8]) -> Result<TouchedRow, BadRow> {
    read("touched", bytes, |row| {
        Ok(TouchedRow {
            group: GroupId(row.try_get_u128()?),
            history: get_history(row)?,
            visible_at_ms: row.try_get_u64()?,
        })
    })
}

/// The group and position of the log row that a message has.
pub(super) fn put_returned(group: GroupId, position: Sequence) -> Vec<u8> {
    let mut out = start(24);
    out.put_u128(group.0);
    out.put_u64(position.0);
    out
}

pub(super) fn get_returned(bytes: &[u8]) -> Result<(GroupId, Sequence), BadRow> {
    read("returned", bytes, |row| Ok((GroupId(row.try_get_u128()?), Sequence(row.try_get_u64()?))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HISTORY: History = History {
        receive_count: 3,
        receives_elsewhere: 1,
        first_received_at_ms: 11,
        enqueued_at_ms: 10,
    };

    #[test]
    fn rows_of_transfers_read_back_as_written() {
        let address = QueueAddress(9);
        for to in
            [Destination::DeadLetters(address), Destination::Queue(address), Destination::Source]
        {
            let row = Departure { sequence: Sequence(4), group: GroupId(7), history: HISTORY, to };
            assert_eq!(get_departure(&put_departure(&row)).expect("reads"), row);
        }
        assert_eq!(get_arrivals(&put_arrivals(Sequence(5))).expect("reads"), Sequence(5));
    }

    #[test]
    fn rows_read_back_as_written() {
        let touched = TouchedRow { group: GroupId(7), history: HISTORY, visible_at_ms: 12 };
        assert_eq!(get_touched(&put_touched(&touched)).expect("reads"), touched);
        let place = (GroupId(7), Sequence(13));
        assert_eq!(get_returned(&put_returned(place.0, place.1)).expect("reads"), place);
        let partition =
            PartitionRow { last_sequence: Sequence(5), log_count: 2, ..PartitionRow::default() };
        assert_eq!(get_partition(&put_partition(&partition)).expect("reads"), partition);
        let passed = PartitionRow { passed_rows: 7, ..partition.clone() };
        assert_eq!(get_partition(&put_partition(&passed)).expect("reads"), passed);
        let mut first = put_partition(&partition);
        first.splice(..9, [VERSION]);
        assert_eq!(get_partition(&first).expect("reads"), partition, "the first version");
        let fair = PartitionRow { noisy: vec![GroupId(3), GroupId(1 << 100)], ..partition };
        assert_eq!(get_partition(&put_partition(&fair)).expect("reads"), fair);
        let position = Sequence(9);
        let history = History::sent_at(position.at_ms());
        let plain = LogEntry { position, sequence: position, history };
        let moved = LogEntry { sequence: Sequence(4), history: HISTORY, ..plain };
        let arrived = LogEntry { history: History { enqueued_at_ms: 10, ..history }, ..plain };
        for entry in [plain, moved, arrived] {
            assert_eq!(get_log(position, &put_log(&entry)).expect("reads"), entry);
        }
    }

    #[test]
    fn fifo_rows_read_back_as_written() {
        let ready = Some(Sequence(6));
        let group = GroupRow { cursor: Sequence(3), log_count: 4, ready };
        assert_eq!(get_group(&put_group(&group)).expect("reads"), group);
        let row = DuplicateRow { deadline_ms: 5, sequence: Sequence(6), message: u128::MAX };
        assert_eq!(get_duplicate(&put_duplicate(&row)).expect("reads"), row);
    }

    #[test]
    fn a_history_that_no_message_can_have_is_refused() {
        let elsewhere = History { receives_elsewhere: HISTORY.receive_count + 1, ..HISTORY };
        let uncountable = History { receive_count: RECEIVES_MAX + 1, ..HISTORY };
        for history in [elsewhere, uncountable] {
            let touched = TouchedRow { group: GroupId(7), history, visible_at_ms: 12 };
            assert!(get_touched(&put_touched(&touched)).is_err());
            let (position, sequence) = (Sequence(9), Sequence(4));
            assert!(
                get_log(position, &put_log(&LogEntry { position, sequence, history })).is_err()
            );
            let to = Destination::Source;
            let departure = Departure { sequence, group: GroupId(7), history, to };
            assert!(get_departure(&put_departure(&departure)).is_err());
        }
        let never_here = History { receives_elsewhere: HISTORY.receive_count, ..HISTORY };
        let touched = TouchedRow { group: GroupId(7), history: never_here, visible_at_ms: 12 };
        assert_eq!(get_touched(&put_touched(&touched)).expect("reads"), touched);
    }

    #[test]
    fn a_damaged_or_newer_row_is_refused() {
        let row = put_group(&GroupRow::default());
        assert!(get_group(&row[..row.len() - 1]).is_err());
        assert!(get_group(&[]).is_err());
        let mut newer = row.clone();
        newer[0] = VERSION + 1;
        assert!(get_group(&newer).is_err());
        let mut longer = row;
        longer.push(0);
        assert!(get_group(&longer).is_err());
    }
}
