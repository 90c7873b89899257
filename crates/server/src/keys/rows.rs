//! The rows that make keys durable.
//!
//! | row | key | value |
//! |---|---|---|
//! | key | `k` account, zero byte, region, zero byte, id | the key with its policy, and its material, sealed, JSON |
//! | alias | `a` account, zero byte, region, zero byte, name | which key it is of, JSON |
//! | root | `m` | see `root.rs` |

use sluice_store::{Batch, Reader, Space, StoreError};

use super::alias::Alias;
use super::key::Key;
use super::material::Material;
use super::place::Place;
use super::root;
use super::snapshot::Snapshot;
use crate::rare_changes::rows;

const KEYS: u8 = b'k';
const ALIASES: u8 = b'a';

/// What is wrong with a row.
#[derive(Debug, thiserror::Error)]
pub enum BadRow {
    /// No table has its key.
    #[error("a row of KMS keys is of no known table")]
    Table,
    /// It cannot be decoded, or is from a newer version.
    #[error("the row of a KMS key ({0}) cannot be read; it is damaged or from a newer version")]
    Value(&'static str),
    /// Its key is not that of what it holds.
    #[error("the row of a KMS key ({0}) has the key of another")]
    Key(&'static str),
    /// Another key has its id.
    #[error("two KMS keys have the id {0}")]
    Id(String),
}

/// Why the keys cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row cannot be read.
    #[error(transparent)]
    Row(#[from] BadRow),
    /// There is a master key now, and the root beside the keys is in the clear.
    #[error(
        "its KMS keys were made by `dev` without a master key, so that whoever has the directory has the keys; \
         start without master_key_file, or use another directory"
    )]
    MadeWithoutMasterKey,
    /// Reading was given up.
    #[error("cannot read the keys")]
    Task(#[from] tokio::task::JoinError),
}

pub(super) fn put_key(batch: &mut Batch, key: &Key) {
    batch.put(Space::Rows, row_key(KEYS, &key.place, &key.id), rows::encode(key));
}

pub(super) fn delete_key(batch: &mut Batch, key: &Key) {
    batch.delete(Space::Rows, row_key(KEYS, &key.place, &key.id));
}

pub(super) fn put_alias(batch: &mut Batch, alias: &Alias) {
    batch.put(Space::Rows, row_key(ALIASES, &alias.place, &alias.name), rows::encode(alias));
}

pub(super) fn delete_alias(batch: &mut Batch, alias: &Alias) {
    batch.delete(Space::Rows, row_key(ALIASES, &alias.place, &alias.name));
}

/// Accounts and regions contain no zero byte; they end there.
fn row_key(table: u8, place: &Place, name: &str) -> Vec<u8> {
    let mut bytes = vec![table];
    bytes.extend_from_slice(place.account.as_bytes());
    bytes.push(0);
    bytes.extend_from_slice(place.region.as_bytes());
    bytes.push(0);
    bytes.extend_from_slice(name.as_bytes());
    bytes
}

/// Reads every row.
pub(super) fn read_all(reader: &dyn Reader) -> Result<Snapshot, OpenError> {
    rows::read_all(reader, Snapshot::default(), read)
}

/// Reads one row.
pub(super) fn read(snapshot: &mut Snapshot, row: &[u8], value: &[u8]) -> Result<(), BadRow> {
    match row.first() {
        Some(&KEYS) => {
            let key: Key = rows::decode(value).ok_or(BadRow::Value("key"))?;
            if key.materials.is_empty() || !key.materials.iter().all(Material::is_whole) {
                return Err(BadRow::Value("key"));
            }
            if row_key(KEYS, &key.place, &key.id) != row {
                return Err(BadRow::Key("key"));
            }
            if snapshot.key(&key.id, 0).is_some() {
                return Err(BadRow::Id(key.id));
            }
            snapshot.insert_key(key);
        }
        Some(&ALIASES) => {
            let alias: Alias = rows::decode(value).ok_or(BadRow::Value("alias"))?;
            if row_key(ALIASES, &alias.place, &alias.name) != row {
                return Err(BadRow::Key("alias"));
            }
            snapshot.insert_alias(alias);
        }
        Some(_) if row == root::KEY => drop(root::decode(value)?),
        Some(_) | None => return Err(BadRow::Table),
    }
    Ok(())
}
