//! The server key: made with the data directory's first master key, and kept there, sealed with it.
//!
//! | row | key | value |
//! |---|---|---|
//! | server key | `s` | fingerprint of the master key, the server key sealed with it, JSON |

use std::fmt::Display;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use sluice_store::{Batch, Reader, Shard, Space, StoreError};
use zeroize::Zeroizing;

use super::master_key::{MasterKey, MasterKeys};
use super::sealing::{KEY_BYTES, SealingKey};
use crate::random;
use crate::rare_changes::rows::check_bodies;

const ROW: &[u8] = b"s";
const VERSION: u32 = 1;
const CONTEXT: &[u8] = b"server key";
/// After every key.
const END: &[u8] = &[0xff; 64];
/// Rows that the check looks at: there is one.
const ROWS_MAX: usize = 100;

#[derive(Serialize, Deserialize)]
struct ServerKeyRow {
    version: u32,
    /// Of the master key.
    fingerprint: String,
    /// Base64.
    sealed: String,
}

/// Why the server key cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There are keys and no master key for them.
    #[error(
        "it was used with the master key {wanted} (its fingerprint); set master_key_file to the file that holds that key: \
         without it, nothing that is encrypted can be read, by anybody"
    )]
    NoMasterKey {
        /// Fingerprint of the one that opens them.
        wanted: String,
    },
    /// The master key is another one.
    #[error(
        "it was used with the master key {wanted} (its fingerprint), and the one in master_key_file is {given}; set \
         master_key_file to the file that holds the former, or previous_master_key_file to change it to the latter: without \
         it, nothing that is encrypted can be read, by anybody"
    )]
    OtherMasterKey {
        /// Fingerprint of the one that opens them.
        wanted: String,
        /// Fingerprint of the one that was given.
        given: String,
    },
    /// The row is not what was written.
    #[error("the row of the server key is damaged or from a newer version")]
    Row,
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store failed when the server key was written.
    #[error("cannot store the server key: {0}")]
    NotDurable(String),
    /// Reading was given up.
    #[error("cannot read the server key")]
    Task(#[from] tokio::task::JoinError),
}

/// Returns the server key, which is made if there is none and there is a master key; if it is sealed with the previous master
/// key, it is sealed with the current one from now on. Waits for the disk.
pub(super) fn open(
    shard: &mut dyn Shard,
    master_keys: &MasterKeys,
) -> Result<Option<SealingKey>, OpenError> {
    let Some(bytes) = shard.reader().get(Space::Rows, ROW)? else {
        let Some(master_key) = &master_keys.current else { return Ok(None) };
        let key = Zeroizing::new(random::bytes());
        return seal(shard, master_key, &key).map(Some);
    };
    let row = read(&bytes).ok_or(OpenError::Row)?;
    let wanted = row.fingerprint.clone();
    let Some(current) = &master_keys.current else {
        return Err(OpenError::NoMasterKey { wanted });
    };
    let given = current.fingerprint();
    if given == wanted {
        let key = unseal(&row, current)?;
        return Ok(Some(SealingKey::new(&key)));
    }
    match &master_keys.previous {
        Some(previous) if previous.fingerprint() == wanted => {
            let key = seal(shard, current, &*unseal(&row, previous)?)?;
            tracing::info!(previous = wanted, current = given, "the master key was changed");
            Ok(Some(key))
        }
        Some(_) | None => Err(OpenError::OtherMasterKey { wanted, given }),
    }
}

/// Makes the row, sealed with a master key.
fn seal(
    shard: &mut dyn Shard,
    master_key: &MasterKey,
    key: &[u8; KEY_BYTES],
) -> Result<SealingKey, OpenError> {
    let row = ServerKeyRow {
        version: VERSION,
        fingerprint: master_key.fingerprint(),
        sealed: BASE64_STANDARD.encode(master_key.sealing_key().seal(CONTEXT, key)),
    };
    let mut batch = Batch::new();
    batch.put(Space::Rows, ROW.to_vec(), serde_json::to_vec(&row).expect("texts and a number"));
    shard.commit(batch).wait().map_err(|lost| OpenError::NotDurable(lost.to_string()))?;
    Ok(SealingKey::new(key))
}

fn unseal(
    row: &ServerKeyRow,
    master_key: &MasterKey,
) -> Result<Zeroizing<[u8; KEY_BYTES]>, OpenError> {
    let sealed = BASE64_STANDARD.decode(&row.sealed).map_err(|_| OpenError::Row)?;
    master_key.sealing_key().open_key(CONTEXT, &sealed).ok_or(OpenError::Row)
}

fn read(bytes: &[u8]) -> Option<ServerKeyRow> {
    let row: ServerKeyRow = serde_json::from_slice(bytes).ok()?;
    (row.version == VERSION).then_some(row)
}

/// Checks the rows of keys, offline: without the master key, as far as that goes.
pub(crate) fn check(reader: &dyn Reader, damage: &mut dyn FnMut(&dyn Display)) {
    match reader.scan(Space::Rows, &[]..END, ROWS_MAX) {
        Err(error) => damage(&error),
        Ok(rows) => {
            for (key, value) in &rows {
                match read(value) {
                    Some(row) if key == ROW && BASE64_STANDARD.decode(&row.sealed).is_ok() => {}
                    Some(_) | None => damage(&OpenError::Row),
                }
            }
        }
    }
    check_bodies(reader, "keys", damage);
}

#[cfg(test)]
mod tests {
    use sluice_store::{MemoryStore, Store};

    use super::super::SHARD;
    use super::*;

    fn master_key(byte: u8) -> MasterKey {
        let bytes: Vec<u8> = (0..32).map(|index| byte + index).collect();
        MasterKey::parse(&BASE64_STANDARD.encode(bytes)).expect("32 bytes")
    }

    fn opened(store: &MemoryStore, key: Option<&MasterKey>) -> Result<Option<[u8; 4]>, OpenError> {
        opened_with(store, MasterKeys { current: key.cloned(), previous: None })
    }

    fn opened_with(
        store: &MemoryStore,
        master_keys: MasterKeys,
    ) -> Result<Option<[u8; 4]>, OpenError> {
        let mut shard = store.open_shard(SHARD).expect("free");
        Ok(open(&mut *shard, &master_keys)?.map(|key| key.derived(b"test")))
    }

    #[test]
    fn only_its_master_key_opens_a_server_key() {
        let store = MemoryStore::new();
        assert!(opened(&store, None).expect("none needed").is_none());
        let (right, wrong) = (master_key(1), master_key(2));
        let first = opened(&store, Some(&right)).expect("made").expect("one");
        assert_eq!(opened(&store, Some(&right)).expect("opens"), Some(first), "made only once");
        let (wanted, given) = (right.fingerprint(), wrong.fingerprint());
        let missing = opened(&store, None).expect_err("refused").to_string();
        assert!(missing.contains(&wanted) && missing.contains("master_key_file"), "{missing}");
        let other = opened(&store, Some(&wrong)).expect_err("refused").to_string();
        assert!(other.contains(&wanted) && other.contains(&given), "{other}");
    }

    #[test]
    fn a_start_with_both_changes_the_master_key() {
        let store = MemoryStore::new();
        let (first, second, third) = (master_key(1), master_key(2), master_key(3));
        let both = |current: &MasterKey, previous: &MasterKey| MasterKeys {
            current: Some(current.clone()),
            previous: Some(previous.clone()),
        };
        let key = opened(&store, Some(&first)).expect("made");
        let refused = opened_with(&store, both(&second, &third)).expect_err("neither is right");
        assert!(refused.to_string().contains("previous_master_key_file"), "{refused}");
        assert_eq!(opened(&store, Some(&first)).expect("as before"), key);
        for _ in 0..2 {
            assert_eq!(opened_with(&store, both(&second, &first)).expect("changed"), key);
        }
        assert_eq!(opened(&store, Some(&second)).expect("opens alone"), key);
        assert!(opened(&store, Some(&first)).is_err(), "the first does no longer");
    }

    #[test]
    fn a_damaged_row_is_noticed() {
        let store = MemoryStore::new();
        opened(&store, Some(&master_key(1))).expect("made");
        let mut shard = store.open_shard(SHARD).expect("free");
        let good = shard.reader().get(Space::Rows, ROW).expect("good").expect("a row");
        let text = String::from_utf8_lossy(&good).into_owned();
        let mut found = 0;
        check(&*shard.reader(), &mut |_| found += 1);
        assert_eq!(found, 0);
        let damaged = [
            text.replace("\"version\":1", "\"version\":2"),
            text.replace("\"sealed\":\"", "\"sealed\":\"A"),
        ];
        for text in damaged {
            let mut batch = Batch::new();
            batch.put(Space::Rows, ROW.to_vec(), text.into_bytes());
            shard.commit(batch).wait().expect("the store is good");
            let keys = MasterKeys { current: Some(master_key(1)), previous: None };
            assert!(matches!(open(&mut *shard, &keys), Err(OpenError::Row)));
            let mut found = 0;
            check(&*shard.reader(), &mut |_| found += 1);
            assert_eq!(found, 1);
        }
    }
}
