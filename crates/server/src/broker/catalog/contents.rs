//! What the catalog's rows say, read without opening it: what can be read of a damaged one, too.

use std::fmt::Display;

use serde::de::DeserializeOwned;
use sluice_store::{Reader, Space};

use super::move_tasks::{MOVE_TASK, MoveTaskRow};
use super::{
    DELETED, DeletedRow, PAGE_ROWS, QUEUE, QueueRow, SETTINGS, Settings, VERSION, decode, queue_key,
};
use crate::broker::queue::{PartitionPlace, Queue, QueueKey};

/// The tables of the catalog.
pub(in crate::broker) const QUEUE_TABLES: [u8; 4] = [QUEUE, DELETED, MOVE_TASK, SETTINGS[0]];

/// The catalog's rows, as far as they can be read.
#[derive(Debug, Default)]
pub(in crate::broker) struct Contents {
    pub(in crate::broker) queues: Vec<Queue>,
    /// Deleted queues with the partitions that are still to be removed.
    pub(in crate::broker) deleted: Vec<(QueueKey, Vec<PartitionPlace>)>,
    pub(in crate::broker) next_partition: Option<u64>,
    pub(in crate::broker) shards: Option<u16>,
}

impl Contents {
    /// Reads what can be read, and tells what cannot.
    pub(in crate::broker) fn read(
        reader: &dyn Reader,
        damage: &mut dyn FnMut(&dyn Display),
    ) -> Self {
        let mut contents = Self::default();
        match reader.get(Space::Rows, SETTINGS) {
            Err(error) => damage(&error),
            Ok(None) => {}
            Ok(Some(bytes)) => match decode::<Settings>("settings", &bytes) {
                Ok(row) => {
                    check_version("settings", row.version, damage);
                    contents.next_partition = Some(row.next_partition);
                    contents.shards = Some(row.shards);
                }
                Err(error) => damage(&error),
            },
        }
        each::<QueueRow>(reader, QUEUE, "queue", damage, |key, row, damage| {
            check_version("queue", row.version, damage);
            if row.queue.key != key {
                damage(&format_args!(
                    "the row of queue {} names queue {}",
                    key.arn(),
                    row.queue.key.arn()
                ));
            }
            if row.queue.partitions.is_empty() {
                damage(&format_args!("queue {} has no partition", key.arn()));
            }
            contents.queues.push(row.queue);
        });
        each::<DeletedRow>(reader, DELETED, "deleted queue", damage, |key, row, damage| {
            check_version("deleted queue", row.version, damage);
            contents.deleted.push((key, row.partitions));
        });
        each::<MoveTaskRow>(reader, MOVE_TASK, "move task", damage, |_, row, damage| {
            check_version("move task", row.version, damage);
        });
        if contents.shards.is_none() && !contents.queues.is_empty() {
            damage(&"there are queues, but the row of settings is missing");
        }
        contents
    }
}

fn check_version(row: &'static str, version: u32, damage: &mut dyn FnMut(&dyn Display)) {
    if version != VERSION {
        damage(&format_args!("a {row} row is from a newer version: {version}"));
    }
}

fn each<T: DeserializeOwned>(
    reader: &dyn Reader,
    table: u8,
    row: &'static str,
    damage: &mut dyn FnMut(&dyn Display),
    mut visit: impl FnMut(QueueKey, T, &mut dyn FnMut(&dyn Display)),
) {
    let mut start = vec![table];
    loop {
        let page = match reader.scan(Space::Rows, start.as_slice()..&[table + 1], PAGE_ROWS) {
            Ok(page) => page,
            Err(error) => return damage(&error),
        };
        for (key, bytes) in &page {
            match (queue_key(key), decode(row, bytes)) {
                (Some(key), Ok(value)) => visit(key, value, damage),
                (None, _) => damage(&format_args!("the key of a {row} row is damaged")),
                (_, Err(error)) => damage(&error),
            }
        }
        match page.last() {
            Some((key, _)) if page.len() == PAGE_ROWS => {
                start.clone_from(key);
                start.push(0);
            }
            Some(_) | None => return,
        }
    }
}
