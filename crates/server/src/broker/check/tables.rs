//! The smaller tables: delays, messages in flight, deduplication, transfers.

use sluice_engine::{DeadlineKey, DueKey, Sequence};
use sluice_store::{Space, StoreError};

use super::Report;
use super::partition::Subject;
use crate::broker::partition::{deadline_key_of, due_key_of, sequence_of};
use crate::broker::{keys, rows};

pub(super) fn check(subject: &Subject<'_>, report: &mut Report<'_>) -> Result<(), StoreError> {
    due(subject, report)?;
    touched(subject, report)?;
    returned(subject, report)?;
    deduplication(subject, report)?;
    outbox(subject, report)?;
    let arrivals = |_: &[u8], bytes: &[u8]| rows::get_arrivals(bytes);
    report.checked.rows += subject.each(keys::ARRIVALS, report, arrivals, |_, _| Ok(()))?;
    Ok(())
}

fn due(subject: &Subject<'_>, report: &mut Report<'_>) -> Result<(), StoreError> {
    let cursor = subject.row.as_ref().map_or(DueKey::default(), |row| row.due.cursor);
    let read = |key: &[u8], bytes: &[u8]| rows::get_member(bytes).and_then(|_| due_key_of(key));
    let count = subject.each(keys::DUE, report, read, |key, report| {
        if key <= cursor {
            let text = format!("message {} is before the cursor", key.sequence.0);
            subject.damage(report, "hidden delayed message", text);
        }
        subject.judge_number(report, "message", key.sequence);
        Ok(())
    })?;
    report.checked.rows += count;
    subject.compare(report, "delayed messages", count, |row| row.due.count);
    Ok(())
}

fn touched(subject: &Subject<'_>, report: &mut Report<'_>) -> Result<(), StoreError> {
    let cursor = subject.row.as_ref().map_or(Sequence::ZERO, |row| row.touched_cursor);
    let read = |key: &[u8], bytes: &[u8]| {
        rows::get_touched(bytes)?;
        sequence_of(key)
    };
    let count = subject.each(keys::TOUCHED, report, read, |sequence, report| {
        subject.judge_number(report, "message", sequence);
        if sequence < cursor {
            let text = format!("message {} is before the cursor", sequence.0);
            subject.damage(report, "hidden message in flight", text);
        }
        Ok(())
    })?;
    report.checked.rows += count;
    Ok(())
}

/// Each returned row names a log row of its message.
fn returned(subject: &Subject<'_>, report: &mut Report<'_>) -> Result<(), StoreError> {
    let read = |key: &[u8], bytes: &[u8]| Ok((sequence_of(key)?, rows::get_returned(bytes)?));
    let count = subject.each(keys::RETURNED, report, read, |(sequence, place), report| {
        subject.judge_number(report, "message", sequence);
        let (group, position) = place;
        let entry = subject.reader.get(Space::Rows, &keys::log(subject.id, group, position))?;
        let entry = entry.and_then(|bytes| rows::get_log(position, &bytes).ok());
        if entry.is_none_or(|entry| entry.sequence != sequence) {
            let text = format!("message {} is not at position {}", sequence.0, position.0);
            subject.damage(report, "received message that is lost", text);
        }
        Ok(())
    })?;
    report.checked.rows += count;
    Ok(())
}

/// Each deadline has its row, and there are as many of the one as of the other.
fn deduplication(subject: &Subject<'_>, report: &mut Report<'_>) -> Result<(), StoreError> {
    let cursor = subject.row.as_ref().map_or(DeadlineKey::default(), |row| row.deadlines.cursor);
    let read = |key: &[u8], _: &[u8]| deadline_key_of(key);
    let count = subject.each(keys::DEADLINE, report, read, |deadline, report| {
        if deadline <= cursor {
            let text = format!("key {:032x} is before the cursor", deadline.key);
            subject.damage(report, "hidden deadline of deduplication", text);
        }
        let row = subject.reader.get(Space::Rows, &keys::duplicate(subject.id, deadline.key))?;
        let row = row.and_then(|bytes| rows::get_duplicate(&bytes).ok());
        if row.is_none_or(|row| row.deadline_ms != deadline.deadline_ms) {
            let text = format!("key {:032x}", deadline.key);
            subject.damage(report, "deadline of deduplication without row", text);
        }
        Ok(())
    })?;
    let read = |_: &[u8], bytes: &[u8]| rows::get_duplicate(bytes);
    let duplicates = subject.each(keys::DUPLICATE, report, read, |_, _| Ok(()))?;
    report.checked.rows += count + duplicates;
    subject.compare(report, "deadlines of deduplication", count, |row| row.deadlines.count);
    if duplicates != count {
        let text = format!("there are {duplicates} rows of deduplication and {count} deadlines");
        subject.damage(report, "wrong count", text);
    }
    Ok(())
}

fn outbox(subject: &Subject<'_>, report: &mut Report<'_>) -> Result<(), StoreError> {
    let cursor = subject.row.as_ref().map_or(Sequence::ZERO, |row| row.outbox.cursor);
    let read = |key: &[u8], bytes: &[u8]| Ok((sequence_of(key)?, rows::get_departure(bytes)?));
    let count = subject.each(keys::OUTBOX, report, read, |(number, _), report| {
        if number <= cursor {
            let text = format!("number {} is before the cursor", number.0);
            subject.damage(report, "hidden message in the outbox", text);
        }
        subject.judge_number(report, "number", number);
        Ok(())
    })?;
    report.checked.rows += count;
    subject.compare(report, "messages in the outbox", count, |row| row.outbox.count);
    Ok(())
}
