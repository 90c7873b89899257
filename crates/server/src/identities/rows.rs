//! The rows that make entities durable.
//!
//! | row | key | value |
//! |---|---|---|
//! | account | `a` account, zero byte | the access keys of its root and its alias, JSON |
//! | user | `u` account, zero byte, name in lower case | the user with its access keys, groups and policies, JSON |
//! | group | `g` as a user | the group with its policies, JSON |
//! | role | `r` as a user | the role with its policies, JSON |
//! | policy | `p` as a user | the managed policy with its versions, JSON |
//! | trail | `t` account, zero byte, region, slash, name in lower case | the trail with its selectors, and how far it is delivered, JSON |
//! | settings | `m` | the key of session tokens, JSON |

use sluice_store::{Batch, Reader, Space, StoreError};

use super::account::Account;
use super::entity::{Entity, EntityKey};
use super::group::Group;
use super::managed_policy::ManagedPolicy;
use super::role::Role;
use super::settings;
use super::snapshot::Snapshot;
use super::trail::Trail;
use super::user::User;
use crate::rare_changes::rows;

/// What is wrong with a row.
#[derive(Debug, thiserror::Error)]
pub enum BadRow {
    /// No table has its key.
    #[error("a row of identities is of no known table")]
    Table,
    /// It cannot be decoded, or is from a newer version.
    #[error("the row of an identity ({0}) cannot be read; it is damaged or from a newer version")]
    Value(&'static str),
    /// Its key is not that of what it holds.
    #[error("the row of an identity ({0}) has the key of another")]
    Key(&'static str),
    /// One of its access keys belongs to another, too.
    #[error("access key {0} belongs to two identities")]
    AccessKey(String),
}

/// Why the identities cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row cannot be read.
    #[error(transparent)]
    Row(#[from] BadRow),
    /// Reading was given up.
    #[error("cannot read the identities")]
    Task(#[from] tokio::task::JoinError),
}

pub(super) fn put<T: Entity>(batch: &mut Batch, entity: &T) {
    batch.put(Space::Rows, row_key::<T>(&entity.key()), rows::encode(entity));
}

pub(super) fn delete<T: Entity>(batch: &mut Batch, key: &EntityKey) {
    batch.delete(Space::Rows, row_key::<T>(key));
}

/// An account contains no zero byte; it ends there.
fn row_key<T: Entity>(key: &EntityKey) -> Vec<u8> {
    let mut bytes = vec![T::TABLE];
    bytes.extend_from_slice(key.account.as_bytes());
    bytes.push(0);
    bytes.extend_from_slice(key.name.as_bytes());
    bytes
}

/// Reads every row.
pub(super) fn read_all(reader: &dyn Reader) -> Result<Snapshot, OpenError> {
    rows::read_all(reader, Snapshot::with_policies_of_aws(), read)
}

/// Reads one row.
pub(super) fn read(snapshot: &mut Snapshot, key: &[u8], value: &[u8]) -> Result<(), BadRow> {
    match key.first() {
        Some(&Account::TABLE) => read_as::<Account>(snapshot, key, value),
        Some(&User::TABLE) => read_as::<User>(snapshot, key, value),
        Some(&Group::TABLE) => read_as::<Group>(snapshot, key, value),
        Some(&Role::TABLE) => read_as::<Role>(snapshot, key, value),
        Some(&ManagedPolicy::TABLE) => read_as::<ManagedPolicy>(snapshot, key, value),
        Some(&Trail::TABLE) => read_as::<Trail>(snapshot, key, value),
        Some(_) if key == settings::KEY => settings::decode(value).map(drop),
        Some(_) | None => Err(BadRow::Table),
    }
}

fn read_as<T: Entity>(snapshot: &mut Snapshot, key: &[u8], value: &[u8]) -> Result<(), BadRow> {
    let entity: T = rows::decode(value).ok_or(BadRow::Value(T::KIND))?;
    if row_key::<T>(&entity.key()) != key {
        return Err(BadRow::Key(T::KIND));
    }
    for holder in entity.key_holders() {
        if snapshot.access_key(&holder.access_key_id).is_some() {
            return Err(BadRow::AccessKey(holder.access_key_id));
        }
    }
    snapshot.insert(entity);
    Ok(())
}
