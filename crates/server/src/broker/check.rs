//! Checks what is stored, offline: every row and body decodes, and the rows fit each other.
//!
//! `sluice_engine::rows` says what must hold between the rows of a partition; this compares every bit of it. Memory is
//! bounded: tables are read in order, a page at a time; what is ordered differently is looked up row by row, and bodies are
//! matched with the rows that name them in runs of [`BODIES_AT_ONCE`].

mod bodies;
mod groups;
mod partition;
mod tables;
mod walk;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;

use sluice_store::{OfflineStore, ShardId, Space, StoreError};

use super::catalog::{Contents, QUEUE_TABLES};
use super::keys;
use super::queue::QueueKind;
use super::start::{CATALOG_SHARD, OTHER_SHARDS};
use crate::hex;

pub(super) use walk::Walk;

/// Bodies that are matched with rows at once: 9 bytes of memory for each.
const BODIES_AT_ONCE: usize = 4_000_000;
/// Findings of one kind in one shard or partition that are reported one by one.
const ALIKE_MAX: u64 = 10;

/// Whether a finding is damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Something is lost, unreadable or contradicts something else.
    Damage,
    /// What the next start takes care of.
    Note,
}

/// Something that the check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whether it is damage.
    pub severity: Severity,
    /// Where: a file, or a queue and its partition.
    pub place: String,
    /// What is wrong, and what to do if that is special.
    pub what: String,
}

/// What was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Checked {
    /// Queues in the catalog.
    pub queues: u64,
    /// Partitions with rows.
    pub partitions: u64,
    /// Rows of partitions.
    pub rows: u64,
    /// Messages, by their bodies.
    pub messages: u64,
    /// Bytes of these bodies.
    pub body_bytes: u64,
    /// Findings that are damage, whether reported one by one or not.
    pub damages: u64,
}

/// Collects findings and counts.
struct Report<'a> {
    found: &'a mut dyn FnMut(Finding),
    checked: Checked,
    /// How many findings there are of each kind in the shard or partition at hand.
    alike: BTreeMap<&'static str, u64>,
}

impl Report<'_> {
    fn damage(&mut self, place: impl Display, what: impl Display) {
        self.checked.damages += 1;
        self.tell(Severity::Damage, place, what);
    }

    fn note(&mut self, place: impl Display, what: impl Display) {
        self.tell(Severity::Note, place, what);
    }

    fn tell(&mut self, severity: Severity, place: impl Display, what: impl Display) {
        (self.found)(Finding { severity, place: place.to_string(), what: what.to_string() });
    }

    /// Reports damage of which there may be very much.
    fn damage_of_kind(&mut self, kind: &'static str, place: &str, what: impl Display) {
        let count = self.alike.entry(kind).or_default();
        *count += 1;
        if *count <= ALIKE_MAX {
            self.tell(Severity::Damage, place, format_args!("{kind}: {what}"));
        }
        self.checked.damages += 1;
    }

    /// Ends a shard or partition: says how much was not reported one by one.
    fn end_of_place(&mut self, place: &str) {
        for (kind, count) in std::mem::take(&mut self.alike) {
            if count > ALIKE_MAX {
                let more = count - ALIKE_MAX;
                self.tell(Severity::Damage, place, format_args!("{kind}: {more} more like these"));
            }
        }
    }
}

/// Checks every row and body of a store that is the broker's. The files should have been checked before: an unreadable one is reported again
/// wherever it is met.
pub(crate) fn check_rows(store: &OfflineStore, found: &mut dyn FnMut(Finding)) -> Checked {
    let mut report = Report { found, checked: Checked::default(), alike: BTreeMap::new() };
    let contents =
        Contents::read(&*store.reader(CATALOG_SHARD), &mut |what| report.damage("catalog", what));
    report.checked.queues = contents.queues.len() as u64;
    let owners = owners(&contents, &mut report);
    let shards = match store.shards() {
        Ok(shards) => shards,
        Err(error) => {
            report.damage("shards", error);
            return report.checked;
        }
    };
    for shard in shards.into_iter().filter(|shard| !OTHER_SHARDS.contains(shard)) {
        let place = format!("shard {}", shard.0);
        let partitions = shard_partitions(store, shard, &place, &mut report);
        report.end_of_place(&place);
        match partitions {
            Ok(partitions) => {
                for id in partitions {
                    check_partition(store, shard, id, owners.get(&id), &mut report);
                }
            }
            Err(error) => report.damage(&place, error),
        }
    }
    report.checked
}

/// Whom a partition belongs to.
struct Owner {
    name: String,
    shard: u16,
    /// None if the queue is deleted and the partition waits to be removed.
    kind: Option<QueueKind>,
}

fn owners(contents: &Contents, report: &mut Report<'_>) -> HashMap<u64, Owner> {
    let mut owners = HashMap::new();
    let live = contents.queues.iter().flat_map(|queue| {
        queue.partitions.iter().map(|place| (queue.key.arn(), Some(queue.kind), *place))
    });
    let deleted = contents
        .deleted
        .iter()
        .flat_map(|(key, places)| places.iter().map(|place| (key.arn(), None, *place)));
    for (name, kind, place) in live.chain(deleted) {
        if contents.next_partition.is_some_and(|next| place.partition >= next) {
            report.damage(&name, format_args!("partition {} is not assigned yet", place.partition));
        }
        if contents.shards.is_some_and(|shards| place.shard == 0 || place.shard > shards) {
            report.damage(&name, format_args!("shard {} does not exist", place.shard));
        }
        let owner = Owner { name, shard: place.shard, kind };
        if let Some(other) = owners.insert(place.partition, owner) {
            let text = format!("partition {} belongs to another queue too", place.partition);
            report.damage(other.name, text);
        }
    }
    owners
}

/// Finds the partitions that have rows or bodies in a shard, from table to table, and what is in no table.
fn shard_partitions(
    store: &OfflineStore,
    shard: ShardId,
    place: &str,
    report: &mut Report<'_>,
) -> Result<Vec<u64>, StoreError> {
    let reader = store.reader(shard);
    let mut partitions = Vec::new();
    for space in [Space::Rows, Space::Bodies] {
        let mut from = Vec::new();
        while let Some((key, _)) = reader.scan(space, from.as_slice()..&[0xff; 64], 1)?.pop() {
            let is_catalog = shard == CATALOG_SHARD && space == Space::Rows;
            let table = key.first().copied().unwrap_or_default();
            if is_catalog && QUEUE_TABLES.contains(&table) {
                from = vec![table + 1];
            } else if !is_catalog && keys::is_table(space, table) && key.len() >= 9 {
                let id = keys::partition_of(&key).unwrap_or_default();
                partitions.push(id);
                from = keys::table(table, id).end;
            } else {
                let kind = "a row of no known table";
                report.damage_of_kind(kind, place, format_args!("key {}", hex::text(&key)));
                from = key;
                from.push(0);
            }
        }
    }
    partitions.sort_unstable();
    partitions.dedup();
    Ok(partitions)
}

fn check_partition(
    store: &OfflineStore,
    shard: ShardId,
    id: u64,
    owner: Option<&Owner>,
    report: &mut Report<'_>,
) {
    let place = match owner {
        None => format!("partition {id}"),
        Some(owner) => format!("{} partition {id}", owner.name),
    };
    match owner {
        None => return report.damage(&place, "its rows belong to no queue"),
        Some(owner) if owner.shard != shard.0 => {
            let (is, should) = (shard.0, owner.shard);
            return report
                .damage(&place, format_args!("its rows are in shard {is} instead of {should}"));
        }
        Some(Owner { kind: None, .. }) => {
            return report.note(&place, "the queue is deleted; the next start removes its rows");
        }
        Some(Owner { kind: Some(kind), .. }) => {
            report.checked.partitions += 1;
            let reader = store.reader(shard);
            partition::check(&*reader, id, *kind, &place, report);
        }
    }
    report.end_of_place(&place);
}
