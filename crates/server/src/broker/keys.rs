//! Keys of the rows of a partition inside its shard: a letter for the table, the partition, then the table's own key.
//!
//! Numbers are big-endian, so that keys sort by value.

use std::ops::Range;

use sluice_engine::{DeadlineKey, DueKey, GroupId, QueueAddress, Sequence};
use sluice_store::{Batch, Space};

/// Tables in the row space.
const PARTITION: u8 = b'p';
pub(super) const GROUP: u8 = b'g';
pub(super) const LOG: u8 = b'l';
pub(super) const DUE: u8 = b'd';
pub(super) const READY: u8 = b'r';
pub(super) const TOUCHED: u8 = b't';
pub(super) const RETURNED: u8 = b'h';
pub(super) const DUPLICATE: u8 = b'u';
pub(super) const DEADLINE: u8 = b'v';
pub(super) const OUTBOX: u8 = b'o';
pub(super) const ARRIVALS: u8 = b'a';
/// Table in the body space.
pub(super) const BODY: u8 = b'b';

/// Every table with its space, its letter and its name.
pub(super) const TABLES: [(Space, u8, &str); 12] = [
    (Space::Rows, PARTITION, "partition"),
    (Space::Rows, GROUP, "group"),
    (Space::Rows, LOG, "log"),
    (Space::Rows, DUE, "due"),
    (Space::Rows, READY, "ready"),
    (Space::Rows, TOUCHED, "touched"),
    (Space::Rows, RETURNED, "returned"),
    (Space::Rows, DUPLICATE, "duplicate"),
    (Space::Rows, DEADLINE, "deadline"),
    (Space::Rows, OUTBOX, "outbox"),
    (Space::Rows, ARRIVALS, "arrivals"),
    (Space::Bodies, BODY, "body"),
];

fn prefix(table: u8, partition: u64) -> Vec<u8> {
    let mut key = Vec::with_capacity(40);
    key.push(table);
    key.extend_from_slice(&partition.to_be_bytes());
    key
}

fn joined(table: u8, partition: u64, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = prefix(table, partition);
    for part in parts {
        key.extend_from_slice(part);
    }
    key
}

pub(super) fn partition(partition: u64) -> Vec<u8> {
    prefix(PARTITION, partition)
}

pub(super) fn group(partition: u64, group: GroupId) -> Vec<u8> {
    joined(GROUP, partition, &[&group.0.to_be_bytes()])
}

pub(super) fn log(partition: u64, group: GroupId, position: Sequence) -> Vec<u8> {
    joined(LOG, partition, &[&group.0.to_be_bytes(), &position.0.to_be_bytes()])
}

pub(super) fn due(partition: u64, due: DueKey) -> Vec<u8> {
    joined(DUE, partition, &[&due.due_ms.to_be_bytes(), &due.sequence.0.to_be_bytes()])
}

pub(super) fn touched(partition: u64, sequence: Sequence) -> Vec<u8> {
    joined(TOUCHED, partition, &[&sequence.0.to_be_bytes()])
}

/// Where in the log a message is that was received; receipt handles ask for it.
pub(super) fn returned(partition: u64, sequence: Sequence) -> Vec<u8> {
    joined(RETURNED, partition, &[&sequence.0.to_be_bytes()])
}

pub(super) fn body(partition: u64, sequence: Sequence) -> Vec<u8> {
    joined(BODY, partition, &[&sequence.0.to_be_bytes()])
}

pub(super) fn ready(partition: u64, place: Sequence) -> Vec<u8> {
    joined(READY, partition, &[&place.0.to_be_bytes()])
}

pub(super) fn duplicate(partition: u64, key: u128) -> Vec<u8> {
    joined(DUPLICATE, partition, &[&key.to_be_bytes()])
}

pub(super) fn deadline(partition: u64, deadline: DeadlineKey) -> Vec<u8> {
    let parts = [&deadline.deadline_ms.to_be_bytes()[..], &deadline.key.to_be_bytes()];
    joined(DEADLINE, partition, &parts)
}

pub(super) fn outbox(partition: u64, number: Sequence) -> Vec<u8> {
    joined(OUTBOX, partition, &[&number.0.to_be_bytes()])
}

pub(super) fn arrivals(partition: u64, from: QueueAddress) -> Vec<u8> {
    joined(ARRIVALS, partition, &[&from.0.to_be_bytes()])
}

/// The rows of one table, given by its letter.
pub(super) fn table(table: u8, partition: u64) -> Range<Vec<u8>> {
    let end = match partition.checked_add(1) {
        Some(next) => prefix(table, next),
        None => vec![table + 1],
    };
    prefix(table, partition)..end
}

/// Whether a letter is one of a table of partitions.
pub(super) fn is_table(space: Space, letter: u8) -> bool {
    TABLES.iter().any(|(of, known, _)| (*of, *known) == (space, letter))
}

/// The partition that a key belongs to.
pub(super) fn partition_of(key: &[u8]) -> Option<u64> {
    key.get(1..)?.first_chunk().copied().map(u64::from_be_bytes)
}

/// Outbox rows after a number.
pub(super) fn outbox_after(partition: u64, after: Sequence) -> Range<Vec<u8>> {
    outbox(partition, Sequence(after.0 + 1))..prefix(OUTBOX, partition + 1)
}

/// The rows of every partition.
pub(super) fn partitions() -> Range<Vec<u8>> {
    vec![PARTITION]..vec![PARTITION + 1]
}

/// Log rows of a group after a position.
pub(super) fn log_after(partition: u64, group: GroupId, after: Sequence) -> Range<Vec<u8>> {
    log_up_to(partition, group, after).end..log(partition, group, Sequence::MAX)
}

/// Log rows of a group up to a position.
pub(super) fn log_up_to(partition: u64, group: GroupId, last: Sequence) -> Range<Vec<u8>> {
    let end = Sequence(last.0.saturating_add(1));
    log(partition, group, Sequence::ZERO)..log(partition, group, end)
}

/// Due rows after a key.
pub(super) fn due_after(partition: u64, after: DueKey) -> Range<Vec<u8>> {
    let start = DueKey { due_ms: after.due_ms, sequence: Sequence(after.sequence.0 + 1) };
    due(partition, start)..prefix(DUE, partition + 1)
}

/// Places in the line of groups after one.
pub(super) fn ready_after(partition: u64, after: Sequence) -> Range<Vec<u8>> {
    ready(partition, Sequence(after.0 + 1))..prefix(READY, partition + 1)
}

/// Deadlines of deduplication after a key: the smallest key after it has one more byte.
pub(super) fn deadlines_after(partition: u64, after: DeadlineKey) -> Range<Vec<u8>> {
    let mut start = deadline(partition, after);
    start.push(0);
    start..prefix(DEADLINE, partition + 1)
}

/// Touched rows from a sequence number on.
pub(super) fn touched_from(partition: u64, from: Sequence) -> Range<Vec<u8>> {
    touched(partition, from)..prefix(TOUCHED, partition + 1)
}

/// Removes every message of a partition. At the moment of a purge no row is newer than it. What arrived is remembered: a
/// message that is on its way still must not come twice.
pub(super) fn purge(batch: &mut Batch, partition: u64) {
    for table in [GROUP, LOG, DUE, READY, TOUCHED, RETURNED, DUPLICATE, DEADLINE, OUTBOX] {
        batch.delete_range(Space::Rows, prefix(table, partition)..prefix(table, partition + 1));
    }
    batch.delete_range(Space::Bodies, prefix(BODY, partition)..prefix(BODY, partition + 1));
}

/// Removes every row of a partition.
pub(super) fn drop_partition(batch: &mut Batch, partition: u64) {
    purge(batch, partition);
    let arrivals = prefix(ARRIVALS, partition)..prefix(ARRIVALS, partition + 1);
    batch.delete_range(Space::Rows, arrivals);
    batch.delete(Space::Rows, self::partition(partition));
}

/// Reads the last `N` bytes of a key.
pub(super) fn tail<const N: usize>(key: &[u8]) -> Option<[u8; N]> {
    key.last_chunk::<N>().copied()
}

#[cfg(test)]
mod tests {
    use sluice_store::{MemoryStore, ShardId, Store};

    use super::*;

    #[test]
    fn a_purge_keeps_the_numbers_of_arrivals() {
        let mut shard = MemoryStore::new().open_shard(ShardId(1)).unwrap();
        let reader = shard.reader();
        let (number, sender) = (Sequence(1), QueueAddress(9));
        let mut batch = Batch::default();
        for key in [outbox(7, number), arrivals(7, sender), arrivals(8, sender)] {
            batch.put(Space::Rows, key, Vec::new());
        }
        drop(shard.commit(batch));
        let has = |key: &[u8]| reader.get(Space::Rows, key).unwrap().is_some();

        let mut batch = Batch::default();
        purge(&mut batch, 7);
        drop(shard.commit(batch));
        assert!(!has(&outbox(7, number)));
        assert!(has(&arrivals(7, sender)), "a message that was purged must not arrive again");

        let mut batch = Batch::default();
        drop_partition(&mut batch, 7);
        drop(shard.commit(batch));
        assert!(!has(&arrivals(7, sender)));
        assert!(has(&arrivals(8, sender)), "it is another partition's");
    }
}
