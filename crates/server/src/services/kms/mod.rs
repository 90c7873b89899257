//! AWS KMS, as far as symmetric keys for encryption go (neighbours §5): one file per operation, one line each in [`SERVICE`].

mod create_alias;
mod create_key;
mod decrypt;
mod describe_key;
mod disable_key;
mod enable_key;
mod encrypt;
mod generate_data_key;
mod list_aliases;
mod list_keys;
mod schedule_key_deletion;

mod aliases;
mod data_key;
mod encryption;
mod key_metadata;
mod limits;
mod named_key;
mod page;
mod policies;
mod tags;

mod errors;
mod model;
pub(super) mod target;

use super::{OperationEntry, Service};

pub use model::MODEL;

/// KMS.
pub static SERVICE: Service = Service {
    model: &MODEL,
    operations: &[
        OperationEntry::of::<create_alias::CreateAlias>(),
        OperationEntry::of::<create_key::CreateKey>(),
        OperationEntry::of::<decrypt::Decrypt>(),
        OperationEntry::of::<describe_key::DescribeKey>(),
        OperationEntry::of::<disable_key::DisableKey>(),
        OperationEntry::of::<enable_key::EnableKey>(),
        OperationEntry::of::<encrypt::Encrypt>(),
        OperationEntry::of::<generate_data_key::GenerateDataKey>(),
        OperationEntry::of::<list_aliases::ListAliases>(),
        OperationEntry::of::<list_keys::ListKeys>(),
        OperationEntry::of::<schedule_key_deletion::ScheduleKeyDeletion>(),
    ],
};
