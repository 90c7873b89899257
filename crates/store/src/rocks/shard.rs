//! The writer and the readers of one shard: keys with the shard's number in front.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use rocksdb::{ReadOptions, WriteBatch};

use super::database::Database;
use super::group_commit::UpTo;
use crate::batch::Change;
use crate::{Batch, CommitTicket, Reader, Row, Shard, ShardId, Space, StoreError};

/// Bytes of the shard number in front of every key.
pub(super) const PREFIX_BYTES: usize = 2;

/// After every key of rows.
const AFTER_ALL: &[u8] = &[0xff; 64];

/// What RocksDB adds to a change in its batch: prefix, tag, family and lengths.
const CHANGE_OVERHEAD_BYTES: usize = 16;

pub(super) struct RocksShard {
    shard: ShardId,
    database: Arc<Database>,
}

impl RocksShard {
    /// Takes the shard, if it has no writer.
    pub(super) fn open(shard: ShardId, database: Arc<Database>) -> Result<Self, StoreError> {
        if database.shards().insert(shard) {
            Ok(Self { shard, database })
        } else {
            Err(StoreError::ShardTaken { shard })
        }
    }

    fn write(&self, batch: &Batch) -> Result<(), StoreError> {
        for change in batch.changes() {
            if let Change::DeleteRange { space: Space::Bodies, from, to } = change {
                let ends = [from, to].map(|key| stored_key(self.shard, key));
                self.database.removes_bodies(&ends[0], &ends[1])?;
            }
        }
        let capacity_bytes = batch.bytes() + (batch.len() + 2) * CHANGE_OVERHEAD_BYTES;
        self.database.write(|| {
            let mut write = self.database.batch(capacity_bytes);
            batch.changes().iter().try_for_each(|change| self.add(&mut write, change))?;
            Ok(write)
        })?;
        self.database.counters.committed(batch.bytes());
        self.database.group_commit.written();
        Ok(())
    }

    fn add(&self, write: &mut WriteBatch, change: &Change) -> Result<(), StoreError> {
        match change {
            Change::Put { space, key, value } => {
                write.put_cf(self.database.family(*space)?, stored_key(self.shard, key), value);
            }
            Change::Delete { space, key } => {
                write.delete_cf(self.database.family(*space)?, stored_key(self.shard, key));
            }
            Change::DeleteRange { space, from, to } => write.delete_range_cf(
                self.database.family(*space)?,
                stored_key(self.shard, from),
                stored_key(self.shard, to),
            ),
        }
        Ok(())
    }
}

impl Shard for RocksShard {
    fn commit(&mut self, batch: Batch) -> CommitTicket {
        if let Some(refusal) = self.database.refusal() {
            return CommitTicket::failed(refusal);
        }
        if !batch.is_empty()
            && let Err(error) = self.write(&batch)
        {
            return CommitTicket::failed(self.database.lose(&error));
        }
        let (database, sequence) = (self.database.clone(), self.database.written_sequence());
        CommitTicket::on_demand(Arc::new(UpTo { database, sequence }))
    }

    fn reader(&self) -> Arc<dyn Reader> {
        Arc::new(RocksReader { shard: self.shard, database: self.database.clone() })
    }

    fn erase_removed(&mut self) -> Result<(), StoreError> {
        let ends = [&[], AFTER_ALL].map(|key| stored_key(self.shard, key));
        self.database.erase_removed(&ends[0], &ends[1])
    }
}

impl Drop for RocksShard {
    fn drop(&mut self) {
        self.database.shards().remove(&self.shard);
    }
}

struct RocksReader {
    shard: ShardId,
    database: Arc<Database>,
}

impl Reader for RocksReader {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let family = self.database.family(space)?;
        let value = self.database.db().get_pinned_cf(family, stored_key(self.shard, key));
        let value = value.map_err(|error| self.database.error(error))?;
        Ok(value.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn multi_get(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>, StoreError> {
        let family = self.database.family(space)?;
        let keys: Vec<_> = keys.iter().map(|key| stored_key(self.shard, key)).collect();
        self.database
            .db()
            .batched_multi_get_cf(family, &keys, false)
            .into_iter()
            .map(|value| match value {
                Ok(value) => Ok(value.map(|value| Bytes::copy_from_slice(&value))),
                Err(error) => Err(self.database.error(error)),
            })
            .collect()
    }

    fn scan(&self, space: Space, ends: Range<&[u8]>, limit: usize) -> Result<Vec<Row>, StoreError> {
        if ends.start >= ends.end || limit == 0 {
            return Ok(Vec::new());
        }
        let family = self.database.family(space)?;
        let from = stored_key(self.shard, ends.start);
        let mut options = ReadOptions::default();
        // Bounds on both sides: the iterator stops there instead of stepping over deleted keys beyond.
        options.set_iterate_range(from.clone()..stored_key(self.shard, ends.end));
        // A scan must not wait for the removal of files that only it kept alive.
        options.set_background_purge_on_iterator_cleanup(true);
        let mut iterator = self.database.db().raw_iterator_cf_opt(family, options);
        let mut rows = Vec::new();
        iterator.seek(from);
        while let Some((key, value)) = iterator.item() {
            let key = key.get(PREFIX_BYTES..).unwrap_or_default().to_vec();
            rows.push((key, Bytes::copy_from_slice(value)));
            if rows.len() == limit {
                // Not one step further: the next key may lie behind many deleted ones.
                return Ok(rows);
            }
            iterator.next();
        }
        iterator.status().map_err(|error| self.database.error(error))?;
        Ok(rows)
    }
}

pub(super) fn stored_key(shard: ShardId, key: &[u8]) -> Vec<u8> {
    let mut stored = Vec::with_capacity(PREFIX_BYTES + key.len());
    stored.extend_from_slice(&shard.0.to_be_bytes());
    stored.extend_from_slice(key);
    stored
}
