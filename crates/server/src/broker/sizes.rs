//! What queues take in the store, table by table, measured offline.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use sluice_store::{OfflineStore, ShardId, StoreError};

use super::catalog::Contents;
use super::check::Walk;
use super::keys;
use super::start::{CATALOG_SHARD, OTHER_SHARDS};

/// The size of one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TableSize {
    /// How many rows.
    pub rows: u64,
    /// Their keys and values, before compression.
    pub bytes: u64,
}

/// What one queue holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueSizes {
    /// Its ARN. Partitions of deleted queues count as those of one queue without name.
    pub queue: Option<String>,
    /// By name of the table; tables without rows are left out.
    pub tables: BTreeMap<&'static str, TableSize>,
}

/// Measures every queue.
///
/// # Errors
/// What cannot be read. Damage of the catalog as well: its queues would pass for deleted ones.
pub(crate) fn queue_sizes(
    store: &OfflineStore,
    path: &Path,
) -> Result<Vec<QueueSizes>, StoreError> {
    let mut damage = None;
    let contents = Contents::read(&*store.reader(CATALOG_SHARD), &mut |what| {
        damage.get_or_insert_with(|| format!("catalog: {what}"));
    });
    if let Some(detail) = damage {
        return Err(StoreError::Corrupt { path: path.to_owned(), detail });
    }
    let mut owners = HashMap::new();
    let mut sizes: BTreeMap<Option<String>, BTreeMap<&'static str, TableSize>> = BTreeMap::new();
    for queue in &contents.queues {
        sizes.entry(Some(queue.key.arn())).or_default();
        owners.extend(queue.partitions.iter().map(|place| (place.partition, queue.key.arn())));
    }
    let has_partitions = |shard: &ShardId| *shard != CATALOG_SHARD && !OTHER_SHARDS.contains(shard);
    for shard in store.shards()?.into_iter().filter(has_partitions) {
        let reader = store.reader(shard);
        for (space, letter, name) in keys::TABLES {
            let mut walk = Walk::new(&*reader, space, vec![letter]..vec![letter + 1]);
            while let Some((key, value)) = walk.next()? {
                let owner = keys::partition_of(&key).and_then(|id| owners.get(&id)).cloned();
                let size = sizes.entry(owner).or_default().entry(name).or_default();
                size.rows += 1;
                size.bytes += (key.len() + value.len()) as u64;
            }
        }
    }
    Ok(sizes.into_iter().map(|(queue, tables)| QueueSizes { queue, tables }).collect())
}
