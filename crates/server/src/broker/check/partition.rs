//! The checks of one partition, table by table.

use std::ops::Range;

use sluice_engine::{GroupId, GroupRow, PartitionRow, Sequence};
use sluice_store::{Reader, Space, StoreError};

use super::walk::Walk;
use super::{Report, bodies, groups, hex, tables};
use crate::broker::queue::QueueKind;
use crate::broker::rows::BadRow;
use crate::broker::{keys, rows};

/// A partition that is being checked.
pub(super) struct Subject<'a> {
    pub(super) reader: &'a dyn Reader,
    pub(super) id: u64,
    pub(super) kind: QueueKind,
    pub(super) place: &'a str,
    /// Its row, if that can be read.
    pub(super) row: Option<PartitionRow>,
}

/// Checks all of it.
pub(super) fn check(
    reader: &dyn Reader,
    id: u64,
    kind: QueueKind,
    place: &str,
    report: &mut Report<'_>,
) {
    let mut subject = Subject { reader, id, kind, place, row: None };
    match reader.get(Space::Rows, &keys::partition(id)) {
        Err(error) => report.damage(place, error),
        Ok(None) => report.damage(place, "it has rows, but its own row is missing"),
        Ok(Some(bytes)) => {
            report.checked.rows += 1;
            match rows::get_partition(&bytes) {
                Ok(row) => subject.row = Some(row),
                Err(bad) => report.damage(place, bad),
            }
        }
    }
    let checks = [groups::check, tables::check, bodies::check];
    for check in checks {
        if let Err(error) = check(&subject, report) {
            report.damage(place, error);
        }
    }
}

impl Subject<'_> {
    /// Visits the rows of one table and reports those that cannot be read.
    pub(super) fn each<T>(
        &self,
        table: u8,
        report: &mut Report<'_>,
        read: impl Fn(&[u8], &[u8]) -> Result<T, BadRow>,
        visit: impl FnMut(T, &mut Report<'_>) -> Result<(), StoreError>,
    ) -> Result<u64, StoreError> {
        self.each_in(keys::table(table, self.id), report, read, visit)
    }

    /// The rows of all logs but those that the cursor of the messages without group has passed; these sort before all others.
    pub(super) fn log_rows(&self) -> Result<Range<Vec<u8>>, StoreError> {
        let mut rows = keys::table(keys::LOG, self.id);
        let row = self.reader.get(Space::Rows, &keys::group(self.id, GroupId::NONE))?;
        // A row that cannot be read is reported where the groups are checked.
        if let Some(row) = row.and_then(|bytes| rows::get_group(&bytes).ok()) {
            rows.start = keys::log_after(self.id, GroupId::NONE, row.cursor).start;
        }
        Ok(rows)
    }

    /// Visits the rows of a range in the same way.
    pub(super) fn each_in<T>(
        &self,
        range: Range<Vec<u8>>,
        report: &mut Report<'_>,
        read: impl Fn(&[u8], &[u8]) -> Result<T, BadRow>,
        mut visit: impl FnMut(T, &mut Report<'_>) -> Result<(), StoreError>,
    ) -> Result<u64, StoreError> {
        let mut walk = Walk::new(self.reader, Space::Rows, range);
        let mut count = 0;
        while let Some((key, bytes)) = walk.next()? {
            count += 1;
            match read(&key, &bytes) {
                Ok(row) => visit(row, report)?,
                Err(bad) => self.damage(
                    report,
                    "unreadable row",
                    format_args!("{bad}, key {}", hex::text(&key)),
                ),
            }
        }
        Ok(count)
    }

    pub(super) fn damage(
        &self,
        report: &mut Report<'_>,
        kind: &'static str,
        what: impl std::fmt::Display,
    ) {
        report.damage_of_kind(kind, self.place, what);
    }

    /// Compares a number of the partition row with what is there.
    pub(super) fn compare(
        &self,
        report: &mut Report<'_>,
        what: &str,
        found: u64,
        stored: impl Fn(&PartitionRow) -> u64,
    ) {
        if let Some(stored) = self.row.as_ref().map(stored)
            && stored != found
        {
            self.damage(
                report,
                "wrong count",
                format_args!("there are {found} {what}, its row says {stored}"),
            );
        }
    }

    /// Reports a number that was never assigned.
    pub(super) fn judge_number(&self, report: &mut Report<'_>, what: &str, number: Sequence) {
        let last = self.row.as_ref().map(|row| row.last_sequence);
        if last.is_some_and(|last| number > last) {
            let text = format!("{what} {} was not assigned yet", number.0);
            self.damage(report, "number out of range", text);
        }
    }

    pub(super) fn group(&self, group: GroupId) -> Result<Option<GroupRow>, StoreError> {
        let found = self.reader.get(Space::Rows, &keys::group(self.id, group))?;
        // A row that cannot be read is reported where its table is checked.
        Ok(found.and_then(|bytes| rows::get_group(&bytes).ok()))
    }
}
