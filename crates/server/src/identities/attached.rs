//! The policy documents that are about an identity.

use super::entity::EntityKey;
use super::group::Group;
use super::managed_policy::ManagedPolicy;
use super::principal::{Grants, Principal};
use super::role::Role;
use super::snapshot::Snapshot;
use super::user::User;

/// The policy documents that are about a user, group or role. What is attached and cannot be found is `None`.
#[derive(Debug, Default)]
pub struct Attached<'a> {
    /// What it is allowed: inline and managed policies, of a user those of its groups as well.
    pub identity: Vec<Option<&'a str>>,
    /// What bounds it.
    pub boundary: Option<Option<&'a str>>,
}

impl<'a> Attached<'a> {
    /// Those of a user.
    pub fn to_user(snapshot: &'a Snapshot, user: &'a User) -> Self {
        let mut attached = Self::with(snapshot, user.grants(), user.boundary.as_deref());
        for name in &user.groups {
            if let Some(group) = snapshot.get::<Group>(&EntityKey::new(&user.account, name)) {
                attached.identity.extend(Self::to_group(snapshot, group).identity);
            }
        }
        attached
    }

    /// Those of a group.
    pub fn to_group(snapshot: &'a Snapshot, group: &'a Group) -> Self {
        Self::with(snapshot, group.grants(), None)
    }

    /// Those of a role.
    pub fn to_role(snapshot: &'a Snapshot, role: &'a Role) -> Self {
        Self::with(snapshot, role.grants(), role.boundary.as_deref())
    }

    fn with(snapshot: &'a Snapshot, grants: &'a Grants, boundary: Option<&str>) -> Self {
        let inline = grants.inline.values().map(|document| Some(document.as_str()));
        let managed = grants.attached.iter().map(|arn| managed_document(snapshot, arn));
        let boundary = boundary.map(|arn| managed_document(snapshot, arn));
        Self { identity: inline.chain(managed).collect(), boundary }
    }
}

/// The document of a managed policy that counts.
pub fn managed_document<'a>(snapshot: &'a Snapshot, arn: &str) -> Option<&'a str> {
    let policy = ManagedPolicy::by_arn(snapshot, arn)?;
    policy.version(policy.default_version).map(|version| version.document.as_str())
}
