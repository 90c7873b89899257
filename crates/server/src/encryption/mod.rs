//! Encryption at rest: message bodies are encrypted before they reach engine and store, and decrypted after they left them.
//!
//! Keys hang on each other: the *master key*, which is not in the data directory, seals the *server key*, which is; that seals
//! *data keys*, one after the other for each queue; and these encrypt bodies. Each body carries its data key, sealed, in its
//! [`Envelope`], so that no other row is needed to read it. A queue with a `KmsMasterKeyId` has its data keys sealed by that key instead
//! of the server key. In reading order: the master key, how keys are sealed, the server
//! key and its row, an encrypted body, and who has the keys.

mod master_key;
mod sealing;
mod server_key;

mod envelope;

mod bodies;
mod data_key;
mod sealed_shard;

pub use bodies::Encryption;
pub(crate) use bodies::{Body, UnreadableBody};
pub(crate) use data_key::{CurrentKey, Use};
pub(crate) use envelope::{Envelope, SealedBy};
pub use master_key::{MasterKey, MasterKeys, WrongMasterKey};
pub(crate) use sealed_shard::is_sealed;
pub(crate) use sealing::{KEY_BYTES, SealingKey, context};
pub use server_key::OpenError;
pub(crate) use server_key::check;

use sluice_store::ShardId;

/// The shard of keys; partitions never get it.
pub const SHARD: ShardId = ShardId(u16::MAX - 1);
