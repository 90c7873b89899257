//! A shard whose values are sealed with the server key, each bound to the key of its row: for rows that hold secrets.
//!
//! A sealed value begins with [`SEALED`], which no other value of a row does: those are JSON. What was written before there was
//! a master key is sealed when the shard is opened with one.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use sluice_store::{Batch, CommitTicket, Reader, Row, Shard, Space, StoreError};
use zeroize::Zeroizing;

use super::sealing::SealingKey;
use crate::rare_changes::rows;

const SEALED: u8 = 1;

/// Says whether a value is sealed, whoever may have sealed it.
pub(crate) fn is_sealed(value: &[u8]) -> bool {
    value.first() == Some(&SEALED)
}

pub(super) struct SealedShard {
    shard: Box<dyn Shard>,
    key: Arc<SealingKey>,
}

struct SealedReader {
    reader: Arc<dyn Reader>,
    key: Arc<SealingKey>,
}

impl SealedShard {
    /// Takes a shard, and seals what is not sealed there. Waits for the disk.
    pub(super) fn over(shard: Box<dyn Shard>, key: SealingKey) -> Result<Self, StoreError> {
        let mut sealed = Self { shard, key: Arc::new(key) };
        let mut batch = Batch::new();
        rows::each(&*sealed.shard.reader(), &mut |key, value| {
            if !is_sealed(value) {
                batch.put(Space::Rows, key.to_vec(), value.to_vec());
            }
        })?;
        if !batch.is_empty() {
            sealed.commit(batch).wait()?;
            sealed.erase_removed()?;
        }
        Ok(sealed)
    }
}

impl Shard for SealedShard {
    fn commit(&mut self, batch: Batch) -> CommitTicket {
        let seal = |key: &[u8], value: Vec<u8>| {
            let value = Zeroizing::new(value);
            let mut sealed = vec![SEALED];
            sealed.extend(self.key.seal(key, &value));
            sealed
        };
        self.shard.commit(batch.map_values(seal))
    }

    fn reader(&self) -> Arc<dyn Reader> {
        Arc::new(SealedReader { reader: self.shard.reader(), key: Arc::clone(&self.key) })
    }

    fn erase_removed(&mut self) -> Result<(), StoreError> {
        self.shard.erase_removed()
    }
}

impl SealedReader {
    /// What does not open stays as it is, and is refused by whoever decodes it.
    fn open(&self, key: &[u8], value: Bytes) -> Bytes {
        let opened = value.strip_prefix(&[SEALED]).and_then(|sealed| self.key.open(key, sealed));
        opened.map_or(value, |value| Bytes::copy_from_slice(&value))
    }
}

impl Reader for SealedReader {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let value = self.reader.get(space, key)?;
        Ok(value.map(|value| self.open(key, value)))
    }

    fn multi_get(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>, StoreError> {
        let values = self.reader.multi_get(space, keys)?;
        let open = |(key, value): (&Vec<u8>, Option<Bytes>)| value.map(|it| self.open(key, it));
        Ok(keys.iter().zip(values).map(open).collect())
    }

    fn scan(
        &self,
        space: Space,
        range: Range<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let mut rows = self.reader.scan(space, range, limit)?;
        for (key, value) in &mut rows {
            *value = self.open(key, std::mem::take(value));
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use sluice_store::{MemoryStore, ShardId, Store};

    use super::super::sealing::KEY_BYTES;
    use super::*;

    const SHARD: ShardId = ShardId(7);

    fn put(shard: &mut dyn Shard, key: &[u8], value: &[u8]) {
        let mut batch = Batch::new();
        batch.put(Space::Rows, key.to_vec(), value.to_vec());
        shard.commit(batch).wait().expect("the store is good");
    }

    fn stored_in(shard: &dyn Shard) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut found = Vec::new();
        let read = rows::each(&*shard.reader(), &mut |key, value| {
            found.push((key.to_vec(), value.to_vec()));
        });
        read.expect("readable");
        found
    }

    fn holds(value: &[u8], part: &[u8]) -> bool {
        value.windows(part.len()).any(|window| window == part)
    }

    #[test]
    fn what_is_there_and_what_comes_is_sealed_and_read() {
        let store = MemoryStore::new();
        let open = || store.open_shard(SHARD).expect("free");
        put(&mut *open(), b"a", b"{\"secret\":1}");
        for byte in 1..=2 {
            let mut sealed =
                SealedShard::over(open(), SealingKey::new(&[7; KEY_BYTES])).expect("good");
            put(&mut sealed, &[b'b', byte], b"{\"secret\":2}");
            let read = stored_in(&sealed);
            assert_eq!(read[0], (b"a".to_vec(), b"{\"secret\":1}".to_vec()));
            assert_eq!(read[1].1, b"{\"secret\":2}");
            let reader = sealed.reader();
            let one = reader.get(Space::Rows, b"a").expect("readable");
            assert_eq!(one.as_deref(), Some(&b"{\"secret\":1}"[..]));
            let keys = [b"none".to_vec(), b"a".to_vec()];
            assert_eq!(reader.multi_get(Space::Rows, &keys).expect("readable"), [None, one]);
        }
        let stored = stored_in(&*open());
        assert_eq!(stored.len(), 3);
        assert!(stored.iter().all(|(_, value)| is_sealed(value) && !holds(value, b"secret")));
    }

    #[test]
    fn a_value_in_the_place_of_another_does_not_open() {
        let store = MemoryStore::new();
        let open = || store.open_shard(SHARD).expect("free");
        let key = || SealingKey::new(&[7; KEY_BYTES]);
        let mut sealed = SealedShard::over(open(), key()).expect("good");
        put(&mut sealed, b"a", b"{}");
        drop(sealed);
        let (_, value) = stored_in(&*open()).remove(0);
        put(&mut *open(), b"b", &value);
        let sealed = SealedShard::over(open(), key()).expect("good");
        assert_eq!(stored_in(&sealed), [(b"a".to_vec(), b"{}".to_vec()), (b"b".to_vec(), value)]);
    }
}
