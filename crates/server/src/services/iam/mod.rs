//! IAM: one file per operation, one line each in [`SERVICE`].
//!
//! Behaviour is copied from `reference/neighbours.md` §6.1. What AWS does not establish is decided here and listed in
//! `docs/compatibility.md`.

mod add_user_to_group;
mod attach_group_policy;
mod attach_role_policy;
mod attach_user_policy;
mod create_access_key;
mod create_account_alias;
mod create_group;
mod create_policy;
mod create_policy_version;
mod create_role;
mod create_user;
mod delete_access_key;
mod delete_account_alias;
mod delete_group;
mod delete_group_policy;
mod delete_policy;
mod delete_policy_version;
mod delete_role;
mod delete_role_permissions_boundary;
mod delete_role_policy;
mod delete_user;
mod delete_user_permissions_boundary;
mod delete_user_policy;
mod detach_group_policy;
mod detach_role_policy;
mod detach_user_policy;
mod get_access_key_last_used;
mod get_account_authorization_details;
mod get_account_summary;
mod get_context_keys_for_custom_policy;
mod get_context_keys_for_principal_policy;
mod get_group;
mod get_group_policy;
mod get_policy;
mod get_policy_version;
mod get_role;
mod get_role_policy;
mod get_user;
mod get_user_policy;
mod list_access_keys;
mod list_account_aliases;
mod list_attached_group_policies;
mod list_attached_role_policies;
mod list_attached_user_policies;
mod list_entities_for_policy;
mod list_group_policies;
mod list_groups;
mod list_groups_for_user;
mod list_policies;
mod list_policy_versions;
mod list_role_policies;
mod list_role_tags;
mod list_roles;
mod list_user_policies;
mod list_user_tags;
mod list_users;
mod put_group_policy;
mod put_role_permissions_boundary;
mod put_role_policy;
mod put_user_permissions_boundary;
mod put_user_policy;
mod remove_user_from_group;
mod set_default_policy_version;
mod simulate_custom_policy;
mod simulate_principal_policy;
mod tag_role;
mod tag_user;
mod untag_role;
mod untag_user;
mod update_access_key;
mod update_assume_role_policy;
mod update_role;
mod update_user;

mod account_details;
mod attachments;
mod context_keys;
mod descriptions;
mod documents;
mod inline_policies;
mod key_owner;
mod policies;
mod policy_source;
mod principals;
mod role_settings;
mod simulation;

mod errors;
mod limits;
mod model;
mod names;
mod page;
mod tags;
pub(crate) mod target;

use super::{OperationEntry, Service};

pub use model::MODEL;

/// IAM.
pub static SERVICE: Service = Service {
    model: &MODEL,
    operations: &[
        OperationEntry::of::<add_user_to_group::AddUserToGroup>(),
        OperationEntry::of::<attach_group_policy::AttachGroupPolicy>(),
        OperationEntry::of::<attach_role_policy::AttachRolePolicy>(),
        OperationEntry::of::<attach_user_policy::AttachUserPolicy>(),
        OperationEntry::of::<create_access_key::CreateAccessKey>(),
        OperationEntry::of::<create_account_alias::CreateAccountAlias>(),
        OperationEntry::of::<create_group::CreateGroup>(),
        OperationEntry::of::<create_policy::CreatePolicy>(),
        OperationEntry::of::<create_policy_version::CreatePolicyVersion>(),
        OperationEntry::of::<create_role::CreateRole>(),
        OperationEntry::of::<create_user::CreateUser>(),
        OperationEntry::of::<delete_access_key::DeleteAccessKey>(),
        OperationEntry::of::<delete_account_alias::DeleteAccountAlias>(),
        OperationEntry::of::<delete_group::DeleteGroup>(),
        OperationEntry::of::<delete_group_policy::DeleteGroupPolicy>(),
        OperationEntry::of::<delete_policy::DeletePolicy>(),
        OperationEntry::of::<delete_policy_version::DeletePolicyVersion>(),
        OperationEntry::of::<delete_role::DeleteRole>(),
        OperationEntry::of::<delete_role_permissions_boundary::DeleteRolePermissionsBoundary>(),
        OperationEntry::of::<delete_role_policy::DeleteRolePolicy>(),
        OperationEntry::of::<delete_user::DeleteUser>(),
        OperationEntry::of::<delete_user_permissions_boundary::DeleteUserPermissionsBoundary>(),
        OperationEntry::of::<delete_user_policy::DeleteUserPolicy>(),
        OperationEntry::of::<detach_group_policy::DetachGroupPolicy>(),
        OperationEntry::of::<detach_role_policy::DetachRolePolicy>(),
        OperationEntry::of::<detach_user_policy::DetachUserPolicy>(),
        OperationEntry::of::<get_access_key_last_used::GetAccessKeyLastUsed>(),
        OperationEntry::of::<get_account_authorization_details::GetAccountAuthorizationDetails>(),
        OperationEntry::of::<get_account_summary::GetAccountSummary>(),
        OperationEntry::of::<get_context_keys_for_custom_policy::GetContextKeysForCustomPolicy>(),
        OperationEntry::of::<get_context_keys_for_principal_policy::GetContextKeysForPrincipalPolicy>(
        ),
        OperationEntry::of::<get_group::GetGroup>(),
        OperationEntry::of::<get_group_policy::GetGroupPolicy>(),
        OperationEntry::of::<get_policy::GetPolicy>(),
        OperationEntry::of::<get_policy_version::GetPolicyVersion>(),
        OperationEntry::of::<get_role::GetRole>(),
        OperationEntry::of::<get_role_policy::GetRolePolicy>(),
        OperationEntry::of::<get_user::GetUser>(),
        OperationEntry::of::<get_user_policy::GetUserPolicy>(),
        OperationEntry::of::<list_access_keys::ListAccessKeys>(),
        OperationEntry::of::<list_account_aliases::ListAccountAliases>(),
        OperationEntry::of::<list_attached_group_policies::ListAttachedGroupPolicies>(),
        OperationEntry::of::<list_attached_role_policies::ListAttachedRolePolicies>(),
        OperationEntry::of::<list_attached_user_policies::ListAttachedUserPolicies>(),
        OperationEntry::of::<list_entities_for_policy::ListEntitiesForPolicy>(),
        OperationEntry::of::<list_group_policies::ListGroupPolicies>(),
        OperationEntry::of::<list_groups::ListGroups>(),
        OperationEntry::of::<list_groups_for_user::ListGroupsForUser>(),
        OperationEntry::of::<list_policies::ListPolicies>(),
        OperationEntry::of::<list_policy_versions::ListPolicyVersions>(),
        OperationEntry::of::<list_role_policies::ListRolePolicies>(),
        OperationEntry::of::<list_role_tags::ListRoleTags>(),
        OperationEntry::of::<list_roles::ListRoles>(),
        OperationEntry::of::<list_user_policies::ListUserPolicies>(),
        OperationEntry::of::<list_user_tags::ListUserTags>(),
        OperationEntry::of::<list_users::ListUsers>(),
        OperationEntry::of::<put_group_policy::PutGroupPolicy>(),
        OperationEntry::of::<put_role_permissions_boundary::PutRolePermissionsBoundary>(),
        OperationEntry::of::<put_role_policy::PutRolePolicy>(),
        OperationEntry::of::<put_user_permissions_boundary::PutUserPermissionsBoundary>(),
        OperationEntry::of::<put_user_policy::PutUserPolicy>(),
        OperationEntry::of::<remove_user_from_group::RemoveUserFromGroup>(),
        OperationEntry::of::<set_default_policy_version::SetDefaultPolicyVersion>(),
        OperationEntry::of::<simulate_custom_policy::SimulateCustomPolicy>(),
        OperationEntry::of::<simulate_principal_policy::SimulatePrincipalPolicy>(),
        OperationEntry::of::<tag_role::TagRole>(),
        OperationEntry::of::<tag_user::TagUser>(),
        OperationEntry::of::<untag_role::UntagRole>(),
        OperationEntry::of::<untag_user::UntagUser>(),
        OperationEntry::of::<update_access_key::UpdateAccessKey>(),
        OperationEntry::of::<update_assume_role_policy::UpdateAssumeRolePolicy>(),
        OperationEntry::of::<update_role::UpdateRole>(),
        OperationEntry::of::<update_user::UpdateUser>(),
    ],
};
