//! Every message has one body and one place: in a log, delayed, in flight, or in the outbox.
//!
//! Bodies sort by message, logs by group and position, so they are matched run by run: the numbers of some million bodies
//! are kept, then every row that names one of them marks it.

use md5::{Digest, Md5};
use sluice_engine::Sequence;
use sluice_store::{Space, StoreError};

use super::partition::Subject;
use super::walk::Walk;
use super::{BODIES_AT_ONCE, Report};
use crate::broker::body::{self, Stored};
use crate::broker::partition::{due_key_of, sequence_of};
use crate::broker::rows::BadRow;
use crate::broker::{keys, rows};

/// A run of bodies.
struct Run {
    sequences: Vec<Sequence>,
    /// Whether a row names the body.
    has_place: Vec<bool>,
    /// Messages of this run: from the first to before the last.
    from: Sequence,
    to: Option<Sequence>,
}

pub(super) fn check(subject: &Subject<'_>, report: &mut Report<'_>) -> Result<(), StoreError> {
    let mut walk = Walk::new(subject.reader, Space::Bodies, keys::table(keys::BODY, subject.id));
    let mut from = Sequence::ZERO;
    loop {
        let run = read_run(subject, &mut walk, from, report)?;
        let next = run.to;
        match_run(subject, run, report)?;
        match next {
            Some(next) => from = next,
            None => return Ok(()),
        }
    }
}

fn read_run(
    subject: &Subject<'_>,
    walk: &mut Walk<'_>,
    from: Sequence,
    report: &mut Report<'_>,
) -> Result<Run, StoreError> {
    let mut sequences = Vec::new();
    while sequences.len() < BODIES_AT_ONCE
        && let Some((key, bytes)) = walk.next()?
    {
        report.checked.messages += 1;
        report.checked.body_bytes += bytes.len() as u64;
        let Ok(sequence) = sequence_of(&key) else { continue };
        subject.judge_number(report, "message", sequence);
        let is_intact = match body::get(&bytes) {
            // What is encrypted has to be whole, and nobody can look into it here.
            Ok(Stored { envelope: Some(_), .. }) => true,
            Ok(Stored { message, envelope: None }) => {
                Md5::digest(&message.body)[..] == message.body_md5
            }
            Err(BadRow { .. }) => false,
        };
        if !is_intact {
            subject.damage(report, "unreadable body", format_args!("message {}", sequence.0));
        }
        sequences.push(sequence);
    }
    let next = walk.peek()?.and_then(|(key, _)| sequence_of(key).ok());
    let has_place = vec![false; sequences.len()];
    Ok(Run { sequences, has_place, from, to: next })
}

/// Marks the bodies of a run by the rows that name them, and reports what does not fit.
fn match_run(
    subject: &Subject<'_>,
    mut run: Run,
    report: &mut Report<'_>,
) -> Result<(), StoreError> {
    // Rows that cannot be read are reported where their tables are checked.
    let mut quiet = |_| {};
    let mut silent =
        Report { found: &mut quiet, checked: report.checked, alike: Default::default() };
    let place = subject.place;
    let mut name = |sequence: Sequence, table: &str| {
        if sequence < run.from || run.to.is_some_and(|to| sequence >= to) {
            return;
        }
        match run.sequences.binary_search(&sequence) {
            Err(_) => {
                let text = format!("message {} in the {table} table", sequence.0);
                report.damage_of_kind("message without body", place, text);
            }
            Ok(index) if run.has_place[index] => {
                let text = format!("message {}, again in the {table} table", sequence.0);
                report.damage_of_kind("message in two places", place, text);
            }
            Ok(index) => run.has_place[index] = true,
        }
    };
    let log = |key: &[u8], bytes: &[u8]| Ok(rows::get_log(sequence_of(key)?, bytes)?.sequence);
    subject.each_in(subject.log_rows()?, &mut silent, log, |sequence, _| {
        name(sequence, "log");
        Ok(())
    })?;
    subject.each(
        keys::DUE,
        &mut silent,
        |key, _| due_key_of(key),
        |due, _| {
            name(due.sequence, "due");
            Ok(())
        },
    )?;
    let touched = |key: &[u8], bytes: &[u8]| {
        rows::get_touched(bytes)?;
        sequence_of(key)
    };
    subject.each(keys::TOUCHED, &mut silent, touched, |sequence, _| {
        name(sequence, "touched");
        Ok(())
    })?;
    let departure = |_: &[u8], bytes: &[u8]| rows::get_departure(bytes);
    subject.each(keys::OUTBOX, &mut silent, departure, |departure, _| {
        name(departure.sequence, "outbox");
        Ok(())
    })?;
    let orphans = run.sequences.iter().zip(&run.has_place).filter(|(_, has_place)| !**has_place);
    for (sequence, _) in orphans {
        subject.damage(report, "body without message", format_args!("message {}", sequence.0));
    }
    Ok(())
}
