//! Who exists on this server: accounts, their users with access keys, groups, roles and policies; sessions; and
//! the trails of accounts.
//!
//! One task changes them, everyone reads an immutable snapshot. Like the catalog of queues, with a shard of its own. In
//! reading order: what an entity is, the entities, everything at one moment, the rows, and the handle in front.

mod access_key;
mod account;
mod attached;
mod aws_managed;
mod entity;
mod group;
mod key_holder;
mod last_use;
mod managed_policy;
mod principal;
mod role;
mod secret;
mod session;
mod settings;
mod trail;
mod unique_id;
mod user;

mod check;
mod handle;
mod rows;
mod snapshot;

pub use access_key::{AccessKey, KeyStatus, account_of};
pub use account::{Account, is_account_id};
pub use attached::{Attached, managed_document};
pub use aws_managed::AWS;
pub(crate) use check::check;
pub use entity::{Entity, EntityKey};
pub use group::Group;
pub use handle::{Identities, IdentitiesStopped, RootKeyError, Unknown};
pub use key_holder::{Holder, KeyHolder};
pub use last_use::LastUse;
pub use managed_policy::{ManagedPolicy, PolicyVersion};
pub use principal::{Grants, Principal, Tags, parsed_arn, root_arn, user_arn};
pub use role::Role;
pub use rows::OpenError;
pub use secret::Secret;
pub use session::{FederatedUser, Issuer, Passed, RoleSession, Session, Subject, TOKEN_BYTES_MAX};
pub use snapshot::{Draft, Snapshot, Table};
pub use trail::{Delivery, Trail};
pub use user::User;

use sluice_store::ShardId;

/// The shard of the identities; partitions never get it.
pub const SHARD: ShardId = ShardId(u16::MAX);
