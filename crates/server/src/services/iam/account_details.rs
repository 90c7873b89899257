//! Users, groups, roles and managed policies with all that belongs to them.

use serde::Serialize;

use super::attachments::AttachedPolicy;
use super::descriptions::{
    Detail, ENTITY_TYPES, GroupDescription, PolicyDescription, RoleDescription, UserDescription,
    VersionDescription,
};
use super::documents;
use crate::identities::{AWS, Grants, Group, ManagedPolicy, Role, Snapshot, User};

/// Something in an account.
pub(super) enum Entry<'a> {
    User(&'a User),
    Role(&'a Role),
    Group(&'a Group),
    Policy(&'a ManagedPolicy),
}

impl<'a> Entry<'a> {
    /// Everything in an account, and the policies of AWS: in the order of [`ENTITY_TYPES`], each by name.
    pub(super) fn all(snapshot: &'a Snapshot, account: &'a str) -> impl Iterator<Item = Self> {
        let users = snapshot.of_account::<User>(account).map(|user| Self::User(user));
        let roles = snapshot.of_account::<Role>(account).map(|role| Self::Role(role));
        let groups = snapshot.of_account::<Group>(account).map(|group| Self::Group(group));
        let own = snapshot.of_account::<ManagedPolicy>(account);
        let policies = own.chain(snapshot.of_account::<ManagedPolicy>(AWS));
        users.chain(roles).chain(groups).chain(policies.map(|policy| Self::Policy(policy)))
    }

    /// Its place in [`ENTITY_TYPES`].
    fn place(&self) -> usize {
        match self {
            Self::User(_) => 0,
            Self::Role(_) => 1,
            Self::Group(_) => 2,
            Self::Policy(policy) if policy.is_of_aws() => 4,
            Self::Policy(_) => 3,
        }
    }

    /// Its `EntityType`.
    pub(super) fn entity_type(&self) -> &'static str {
        ENTITY_TYPES[self.place()]
    }

    /// What pages are sorted by.
    pub(super) fn sorted_by(&self) -> String {
        let name = match self {
            Self::User(user) => &user.name,
            Self::Role(role) => &role.name,
            Self::Group(group) => &group.name,
            Self::Policy(policy) => &policy.name,
        };
        format!("{} {}", self.place(), name.to_ascii_lowercase())
    }

    /// How large its policy documents are.
    pub(super) fn document_bytes(&self) -> usize {
        let inline = |grants: &Grants| grants.inline.values().map(String::len).sum::<usize>();
        match self {
            Self::User(user) => inline(&user.grants),
            Self::Role(role) => role.trust_policy.len() + inline(&role.grants),
            Self::Group(group) => inline(&group.grants),
            Self::Policy(policy) => policy.versions.iter().map(|it| it.document.len()).sum(),
        }
    }
}

/// What a user, group or role is allowed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct InlinePolicy {
    policy_name: String,
    policy_document: String,
}

fn inline(grants: &Grants) -> Vec<InlinePolicy> {
    let described = grants.inline.iter().map(|(name, document)| InlinePolicy {
        policy_name: name.clone(),
        policy_document: documents::encoded(document),
    });
    described.collect()
}

fn attached(grants: &Grants) -> Vec<AttachedPolicy> {
    AttachedPolicy::all(grants, "/").collect()
}

/// A user with its policies and groups.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UserDetail {
    #[serde(flatten)]
    user: UserDescription,
    user_policy_list: Vec<InlinePolicy>,
    group_list: Vec<String>,
    attached_managed_policies: Vec<AttachedPolicy>,
}

impl UserDetail {
    pub(super) fn of(user: &User) -> Self {
        Self {
            user: UserDescription::of(user, Detail::Full),
            user_policy_list: inline(&user.grants),
            group_list: user.groups.iter().cloned().collect(),
            attached_managed_policies: attached(&user.grants),
        }
    }
}

/// A group with its policies.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GroupDetail {
    #[serde(flatten)]
    group: GroupDescription,
    group_policy_list: Vec<InlinePolicy>,
    attached_managed_policies: Vec<AttachedPolicy>,
}

impl GroupDetail {
    pub(super) fn of(group: &Group) -> Self {
        Self {
            group: GroupDescription::of(group),
            group_policy_list: inline(&group.grants),
            attached_managed_policies: attached(&group.grants),
        }
    }
}

/// A role with its policies.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RoleDetail {
    #[serde(flatten)]
    role: RoleDescription,
    /// There are none here, but programs expect the list.
    instance_profile_list: &'static [String],
    role_policy_list: Vec<InlinePolicy>,
    attached_managed_policies: Vec<AttachedPolicy>,
}

impl RoleDetail {
    pub(super) fn of(role: &Role) -> Self {
        Self {
            role: RoleDescription::of(role, Detail::Full),
            instance_profile_list: &[],
            role_policy_list: inline(&role.grants),
            attached_managed_policies: attached(&role.grants),
        }
    }
}

/// A managed policy with its versions.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PolicyDetail {
    #[serde(flatten)]
    policy: PolicyDescription,
    policy_version_list: Vec<VersionDescription>,
}

impl PolicyDetail {
    pub(super) fn of(policy: &ManagedPolicy, account: &str, snapshot: &Snapshot) -> Self {
        // The newest first, as in `ListPolicyVersions`.
        let versions = policy.versions.iter().rev();
        let versions = versions.map(|version| VersionDescription::with_document(policy, version));
        Self {
            policy: PolicyDescription::of(policy, account, snapshot, Detail::Full),
            policy_version_list: versions.collect(),
        }
    }
}
