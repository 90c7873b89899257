//! Groups, their logs, and the line of groups.

use std::collections::HashSet;

use sluice_engine::{GroupId, GroupRow, NOISY_PLACES, Sequence};
use sluice_store::{Space, StoreError};

use super::partition::Subject;
use super::walk::Walk;
use super::{Report, hex};
use crate::broker::queue::QueueKind;
use crate::broker::{keys, rows};

/// What the logs and the line are, all groups together.
#[derive(Default)]
struct Totals {
    log_count: u64,
    /// Groups whose row gives them a place in line.
    in_line: u64,
}

pub(super) fn check(subject: &Subject<'_>, report: &mut Report<'_>) -> Result<(), StoreError> {
    let locked = match subject.kind {
        QueueKind::Standard => HashSet::new(),
        QueueKind::Fifo => groups_in_flight(subject, report)?,
    };
    let mut totals = Totals::default();
    let mut log = Walk::new(subject.reader, Space::Rows, subject.log_rows()?);
    let read = |key: &[u8], bytes: &[u8]| Ok((group_of_group_key(key), rows::get_group(bytes)?));
    let groups = subject.each(keys::GROUP, report, read, |(id, row), report| {
        skip_to(subject, &mut log, id, report, &mut totals)?;
        let count = count_log(subject, &mut log, id, row.cursor, report)?;
        totals.log_count += count;
        judge_group(subject, id, row, count, &locked, report);
        totals.in_line += u64::from(row.ready.is_some_and(|place| place < NOISY_PLACES));
        Ok(())
    })?;
    skip_to(subject, &mut log, GroupId(u128::MAX), report, &mut totals)?;
    report.checked.rows += groups + totals.log_count;
    subject.compare(report, "log rows", totals.log_count, |row| row.log_count);
    check_line(subject, totals.in_line, report)
}

/// FIFO: groups that may be out of line because messages of theirs are in flight. These are bounded by the cap on them.
fn groups_in_flight(
    subject: &Subject<'_>,
    report: &mut Report<'_>,
) -> Result<HashSet<GroupId>, StoreError> {
    let mut groups = HashSet::new();
    let read = |_: &[u8], bytes: &[u8]| rows::get_touched(bytes);
    subject.each(keys::TOUCHED, report, read, |row, _| {
        groups.insert(row.group);
        Ok(())
    })?;
    Ok(groups)
}

/// Reports log rows before those of a group: their groups have no row.
fn skip_to(
    subject: &Subject<'_>,
    log: &mut Walk<'_>,
    id: GroupId,
    report: &mut Report<'_>,
    totals: &mut Totals,
) -> Result<(), StoreError> {
    while let Some((key, _)) = log.peek()? {
        if group_of_log_key(key) >= id {
            break;
        }
        let text = format!("key {}", hex::text(key));
        subject.damage(report, "log row of a group without row", text);
        totals.log_count += 1;
        log.next()?;
    }
    Ok(())
}

fn count_log(
    subject: &Subject<'_>,
    log: &mut Walk<'_>,
    id: GroupId,
    cursor: Sequence,
    report: &mut Report<'_>,
) -> Result<u64, StoreError> {
    let mut count = 0;
    while let Some((key, bytes)) = log.peek()? {
        if group_of_log_key(key) != id {
            break;
        }
        let position = Sequence(keys::tail(key).map(u64::from_be_bytes).unwrap_or_default());
        if position <= cursor {
            let text = format!("position {} is before the cursor of its group", position.0);
            subject.damage(report, "hidden log row", text);
        }
        subject.judge_number(report, "position", position);
        match rows::get_log(position, bytes) {
            Ok(entry) if entry.is_returned() => judge_returned(subject, entry.sequence, report)?,
            Ok(_) => {}
            Err(bad) => {
                subject.damage(
                    report,
                    "unreadable row",
                    format_args!("{bad}, key {}", hex::text(key)),
                );
            }
        }
        count += 1;
        log.next()?;
    }
    Ok(count)
}

/// A message that was received is found by its receipt handles.
fn judge_returned(
    subject: &Subject<'_>,
    sequence: Sequence,
    report: &mut Report<'_>,
) -> Result<(), StoreError> {
    if subject.reader.get(Space::Rows, &keys::returned(subject.id, sequence))?.is_none() {
        let text = format!("message {} is not found by its receipt handles", sequence.0);
        subject.damage(report, "log row without returned row", text);
    }
    Ok(())
}

fn judge_group(
    subject: &Subject<'_>,
    id: GroupId,
    row: GroupRow,
    log_count: u64,
    locked: &HashSet<GroupId>,
    report: &mut Report<'_>,
) {
    let name = format!("group {:032x}", id.0);
    if row.log_count != log_count {
        let text = format!("{name} has {log_count} log rows, its row says {}", row.log_count);
        subject.damage(report, "wrong count", text);
    }
    let stands_in_line = subject.kind == QueueKind::Fifo || id != GroupId::NONE;
    let noisy = subject.row.as_ref().map(|it| it.noisy.contains(&id));
    match row.ready {
        Some(_) if !stands_in_line => {
            subject.damage(report, "wrong place in line", format_args!("{name} never has one"));
        }
        None if stands_in_line && log_count > 0 && !locked.contains(&id) => {
            let text = format!("{name} has messages, none in flight, and no place");
            subject.damage(report, "wrong place in line", text);
        }
        Some(place) if noisy.is_some_and(|noisy| noisy != (place >= NOISY_PLACES)) => {
            let text = format!("{name} and the partition disagree on whether it is noisy");
            subject.damage(report, "wrong place in line", text);
        }
        Some(_) | None => {}
    }
}

/// Each place in line belongs to a group that has it, and no group has a place that is not there.
fn check_line(
    subject: &Subject<'_>,
    in_line: u64,
    report: &mut Report<'_>,
) -> Result<(), StoreError> {
    let cursor = subject.row.as_ref().map_or(Sequence::ZERO, |row| row.ready.cursor);
    let read = |key: &[u8], bytes: &[u8]| {
        let place = Sequence(keys::tail(key).map(u64::from_be_bytes).unwrap_or_default());
        Ok((place, rows::get_member(bytes)?))
    };
    let mut matched = 0;
    let count = subject.each(keys::READY, report, read, |(place, group), report| {
        if place <= cursor {
            subject.damage(
                report,
                "hidden place in line",
                format_args!("{} is before the cursor", place.0),
            );
        }
        subject.judge_number(report, "place", place);
        if subject.group(group)?.and_then(|row| row.ready) == Some(place) {
            matched += 1;
        } else {
            let text = format!("{} is not the one of its group", place.0);
            subject.damage(report, "wrong place in line", text);
        }
        Ok(())
    })?;
    report.checked.rows += count;
    subject.compare(report, "groups in line", count, |row| row.ready.count);
    if matched < in_line {
        let text = format!("{} groups have a place that is not there", in_line - matched);
        subject.damage(report, "wrong place in line", text);
    }
    Ok(())
}

fn group_of_group_key(key: &[u8]) -> GroupId {
    GroupId(keys::tail(key).map(u128::from_be_bytes).unwrap_or_default())
}

/// The group stands before the position.
fn group_of_log_key(key: &[u8]) -> GroupId {
    let group = keys::tail::<24>(key).and_then(|tail| tail.first_chunk().copied());
    GroupId(group.map(u128::from_be_bytes).unwrap_or_default())
}
