//! AWS KMS, as far as symmetric keys for encryption go (neighbours §5): one file per operation, one line each in [`SERVICE`].

mod cancel_key_deletion;
mod create_alias;
mod create_grant;
mod create_key;
mod decrypt;
mod delete_alias;
mod describe_key;
mod disable_key;
mod disable_key_rotation;
mod enable_key;
mod enable_key_rotation;
mod encrypt;
mod generate_data_key;
mod generate_data_key_without_plaintext;
mod generate_random;
mod get_key_policy;
mod get_key_rotation_status;
mod list_aliases;
mod list_grants;
mod list_key_policies;
mod list_key_rotations;
mod list_keys;
mod list_resource_tags;
mod list_retirable_grants;
mod put_key_policy;
mod re_encrypt;
mod retire_grant;
mod revoke_grant;
mod rotate_key_on_demand;
mod schedule_key_deletion;
mod tag_resource;
mod untag_resource;
mod update_alias;
mod update_key_description;

mod aliases;
mod data_key;
mod encryption;
mod grants;
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
        OperationEntry::of::<cancel_key_deletion::CancelKeyDeletion>(),
        OperationEntry::of::<create_alias::CreateAlias>(),
        OperationEntry::of::<create_grant::CreateGrant>(),
        OperationEntry::of::<create_key::CreateKey>(),
        OperationEntry::of::<decrypt::Decrypt>(),
        OperationEntry::of::<delete_alias::DeleteAlias>(),
        OperationEntry::of::<describe_key::DescribeKey>(),
        OperationEntry::of::<disable_key::DisableKey>(),
        OperationEntry::of::<disable_key_rotation::DisableKeyRotation>(),
        OperationEntry::of::<enable_key::EnableKey>(),
        OperationEntry::of::<enable_key_rotation::EnableKeyRotation>(),
        OperationEntry::of::<encrypt::Encrypt>(),
        OperationEntry::of::<generate_data_key::GenerateDataKey>(),
        OperationEntry::of::<generate_data_key_without_plaintext::GenerateDataKeyWithoutPlaintext>(
        ),
        OperationEntry::of::<generate_random::GenerateRandom>(),
        OperationEntry::of::<get_key_policy::GetKeyPolicy>(),
        OperationEntry::of::<get_key_rotation_status::GetKeyRotationStatus>(),
        OperationEntry::of::<list_aliases::ListAliases>(),
        OperationEntry::of::<list_grants::ListGrants>(),
        OperationEntry::of::<list_key_policies::ListKeyPolicies>(),
        OperationEntry::of::<list_key_rotations::ListKeyRotations>(),
        OperationEntry::of::<list_keys::ListKeys>(),
        OperationEntry::of::<list_resource_tags::ListResourceTags>(),
        OperationEntry::of::<list_retirable_grants::ListRetirableGrants>(),
        OperationEntry::of::<put_key_policy::PutKeyPolicy>(),
        OperationEntry::of::<re_encrypt::ReEncrypt>(),
        OperationEntry::of::<retire_grant::RetireGrant>(),
        OperationEntry::of::<revoke_grant::RevokeGrant>(),
        OperationEntry::of::<rotate_key_on_demand::RotateKeyOnDemand>(),
        OperationEntry::of::<schedule_key_deletion::ScheduleKeyDeletion>(),
        OperationEntry::of::<tag_resource::TagResource>(),
        OperationEntry::of::<untag_resource::UntagResource>(),
        OperationEntry::of::<update_alias::UpdateAlias>(),
        OperationEntry::of::<update_key_description::UpdateKeyDescription>(),
    ],
};
