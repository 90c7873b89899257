//! Who exists on this server: accounts, their users, and the access keys of both.
//!
//! One task changes them, everyone reads an immutable snapshot. Like the catalog of queues, with a shard of its own. In
//! reading order: what an entity is, the entities, everything at one moment, the rows, the handle in front, and its task.

mod access_key;
mod account;
mod entity;
mod key_holder;
mod secret;
mod unique_id;
mod user;

mod check;
mod handle;
mod rows;
mod snapshot;
mod writer;

pub use access_key::{AccessKey, KeyStatus, account_of};
pub use account::Account;
pub(crate) use check::check;
pub use entity::{Entity, EntityKey};
pub use handle::{Identities, IdentitiesStopped, RootKeyError};
pub use key_holder::{Holder, KeyHolder};
pub use rows::OpenError;
pub use secret::Secret;
pub use snapshot::{Draft, Snapshot, Table};
pub use user::User;

use sluice_store::ShardId;

/// The shard of the identities; partitions never get it.
pub const SHARD: ShardId = ShardId(u16::MAX);
