//! `GetAccountSummary`: how much there is of what, and how much there may be.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::limits::{
    ACCESS_KEYS_MAX, ATTACHED_MAX, GROUPS_MAX, GROUPS_PER_USER_MAX, MANAGED_CHARS_MAX,
    POLICIES_MAX, ROLES_MAX, TRUST_CHARS_MAX, USERS_MAX, VERSIONS_MAX,
};
use crate::identities::{Account, Group, ManagedPolicy, Principal, Role, Snapshot, User};
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct GetAccountSummary;

/// Request.
#[derive(Debug, Deserialize)]
pub(super) struct Input {}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    summary_map: BTreeMap<&'static str, usize>,
}

impl Operation for GetAccountSummary {
    const NAME: &'static str = "GetAccountSummary";
    const IAM_ACTION: &'static str = "iam:GetAccountSummary";
    type Input = Input;
    type Output = Output;

    fn resource(_: &Input) -> Resource {
        Resource::Account
    }

    async fn run(context: &Context, _: Input) -> Result<Output, AwsError> {
        let account = &*context.identity.account;
        let mut summary_map = counts(&context.identities.snapshot(), account);
        summary_map.extend(QUOTAS);
        summary_map.extend(ABSENT.map(|name| (name, 0)));
        Ok(Output { summary_map })
    }
}

/// How much there may be.
const QUOTAS: [(&str, usize); 15] = [
    ("AccessKeysPerUserQuota", ACCESS_KEYS_MAX),
    ("AssumeRolePolicySizeQuota", TRUST_CHARS_MAX),
    ("AttachedPoliciesPerGroupQuota", ATTACHED_MAX),
    ("AttachedPoliciesPerRoleQuota", ATTACHED_MAX),
    ("AttachedPoliciesPerUserQuota", ATTACHED_MAX),
    ("GroupPolicySizeQuota", Group::INLINE_CHARS_MAX),
    ("GroupsPerUserQuota", GROUPS_PER_USER_MAX),
    ("GroupsQuota", GROUPS_MAX),
    ("PoliciesQuota", POLICIES_MAX),
    ("PolicySizeQuota", MANAGED_CHARS_MAX),
    ("RolePolicySizeQuota", Role::INLINE_CHARS_MAX),
    ("RolesQuota", ROLES_MAX),
    ("UserPolicySizeQuota", User::INLINE_CHARS_MAX),
    ("UsersQuota", USERS_MAX),
    ("VersionsPerPolicyQuota", VERSIONS_MAX),
];

/// What does not exist on this server: there is none of it in any account.
const ABSENT: [&str; 8] = [
    "AccountMFAEnabled",
    "AccountPasswordPresent",
    "AccountSigningCertificatesPresent",
    "InstanceProfiles",
    "MFADevices",
    "MFADevicesInUse",
    "Providers",
    "ServerCertificates",
];

/// How much there is.
fn counts(snapshot: &Snapshot, account: &str) -> BTreeMap<&'static str, usize> {
    let has_keys = !Account::stored(snapshot, account).root_keys.is_empty();
    let policies = || snapshot.of_account::<ManagedPolicy>(account);
    BTreeMap::from([
        ("AccountAccessKeysPresent", usize::from(has_keys)),
        ("Groups", snapshot.of_account::<Group>(account).count()),
        ("Policies", policies().count()),
        ("PolicyVersionsInUse", policies().map(|policy| policy.versions.len()).sum()),
        ("Roles", snapshot.of_account::<Role>(account).count()),
        ("Users", snapshot.of_account::<User>(account).count()),
    ])
}
