//! KMS keys: which there are, what they may be used for, and their material.
//!
//! Like the identities they are changed by one task, and read by everyone as an immutable snapshot, with a shard of their own.
//! The material of a key is sealed with a root that is not stored: it follows from the server key, and so from the master key.
//! Services use keys for their callers through [`OnBehalf`]. In reading order: what a key is, its material, what is made with
//! it, how keys are named, everything at one moment, the rows, the handle in front, and who uses it.

mod alias;
mod aws_managed;
mod grant;
mod key;
mod place;

mod material;
mod root;

mod ciphertext;
mod encryption_context;

mod error;
mod reference;

mod check;
mod due;
mod rows;
mod snapshot;

mod handle;
mod on_behalf;

#[cfg(test)]
mod tests;

pub use alias::Alias;
pub use aws_managed::is_alias_of_aws;
pub(crate) use check::check;
pub use ciphertext::Ciphertext;
pub use encryption_context::EncryptionContext;
pub use error::{KeyError, KeysStopped};
pub(crate) use grant::Grantee;
pub use grant::{GRANT_OPERATIONS, Grant, GrantConstraint};
pub use handle::Keys;
pub use key::{Key, KeyManager, KeyState, NewKey, Rotation};
pub use material::{Material, MaterialOrigin};
pub use on_behalf::OnBehalf;
pub use place::Place;
pub use reference::KeyReference;
pub use rows::OpenError;
pub use snapshot::{Draft, Snapshot};

use sluice_store::ShardId;

/// The shard of KMS keys; partitions never get it.
pub const SHARD: ShardId = ShardId(u16::MAX - 2);
