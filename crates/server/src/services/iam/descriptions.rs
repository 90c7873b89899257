//! Users, groups, roles and policies as answers describe them.

use serde::Serialize;
use sluice_wire::Timestamp;

use super::tags;
use super::{attachments, documents};
use crate::identities::{
    AccessKey, Group, KeyStatus, ManagedPolicy, PolicyVersion, Principal, Role, Snapshot, User,
    root_arn,
};
use crate::services::tag::Tag;

/// Whether an answer has all details of something. Lists leave some of them out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// All.
    Full,
    /// Without tags, boundary and description.
    Listed,
}

/// `EntityType` in requests.
pub(super) const ENTITY_TYPES: [&str; 5] =
    ["User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"];

/// A permissions boundary.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Boundary {
    permissions_boundary_type: &'static str,
    permissions_boundary_arn: String,
}

fn boundary(arn: Option<&String>) -> Option<Boundary> {
    arn.map(|arn| Boundary {
        permissions_boundary_type: "Policy",
        permissions_boundary_arn: arn.clone(),
    })
}

/// A user, or the root of an account, which has no name.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UserDescription {
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<String>,
    user_id: String,
    arn: String,
    create_date: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions_boundary: Option<Boundary>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Tag>,
}

impl UserDescription {
    pub(super) fn of(user: &User, detail: Detail) -> Self {
        let is_full = detail == Detail::Full;
        Self {
            path: Some(user.path.clone()),
            user_name: Some(user.name.clone()),
            user_id: user.unique_id.clone(),
            arn: user.arn(),
            create_date: Timestamp(user.created_at_ms),
            permissions_boundary: boundary(user.boundary.as_ref().filter(|_| is_full)),
            tags: if is_full { tags::list(&user.tags) } else { Vec::new() },
        }
    }

    /// The root of an account. When that was created nobody knows.
    pub(super) fn root(account: &str) -> Self {
        Self {
            path: None,
            user_name: None,
            user_id: account.to_owned(),
            arn: root_arn(account),
            create_date: Timestamp(0),
            permissions_boundary: None,
            tags: Vec::new(),
        }
    }
}

/// A group.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GroupDescription {
    path: String,
    group_name: String,
    group_id: String,
    arn: String,
    create_date: Timestamp,
}

impl GroupDescription {
    pub(super) fn of(group: &Group) -> Self {
        Self {
            path: group.path.clone(),
            group_name: group.name.clone(),
            group_id: group.unique_id.clone(),
            arn: group.arn(),
            create_date: Timestamp(group.created_at_ms),
        }
    }
}

/// A role.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RoleDescription {
    path: String,
    role_name: String,
    role_id: String,
    arn: String,
    create_date: Timestamp,
    assume_role_policy_document: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    max_session_duration: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions_boundary: Option<Boundary>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Tag>,
}

impl RoleDescription {
    pub(super) fn of(role: &Role, detail: Detail) -> Self {
        let is_full = detail == Detail::Full;
        Self {
            path: role.path.clone(),
            role_name: role.name.clone(),
            role_id: role.unique_id.clone(),
            arn: role.arn(),
            create_date: Timestamp(role.created_at_ms),
            assume_role_policy_document: documents::encoded(&role.trust_policy),
            description: role.description.clone(),
            max_session_duration: role.session_secs_max,
            permissions_boundary: boundary(role.boundary.as_ref().filter(|_| is_full)),
            tags: if is_full { tags::list(&role.tags) } else { Vec::new() },
        }
    }
}

/// A managed policy.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PolicyDescription {
    policy_name: String,
    policy_id: String,
    arn: String,
    path: String,
    default_version_id: String,
    attachment_count: usize,
    permissions_boundary_usage_count: usize,
    is_attachable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    create_date: Timestamp,
    update_date: Timestamp,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Tag>,
}

impl PolicyDescription {
    /// Describes a policy as `account` sees it, which may use one of AWS's.
    pub(super) fn of(
        policy: &ManagedPolicy,
        account: &str,
        snapshot: &Snapshot,
        detail: Detail,
    ) -> Self {
        let (arn, is_full) = (policy.arn(), detail == Detail::Full);
        Self {
            policy_name: policy.name.clone(),
            policy_id: policy.unique_id.clone(),
            path: policy.path.clone(),
            default_version_id: version_id(policy.default_version),
            attachment_count: attachments::count(snapshot, account, &arn),
            permissions_boundary_usage_count: attachments::boundary_count(snapshot, account, &arn),
            is_attachable: true,
            description: policy.description.clone().filter(|_| is_full),
            create_date: Timestamp(policy.created_at_ms),
            update_date: Timestamp(policy.updated_at_ms),
            tags: if is_full { tags::list(&policy.tags) } else { Vec::new() },
            arn,
        }
    }
}

impl PolicyDescription {
    /// Whether anything has it attached.
    pub(super) fn is_attached(&self) -> bool {
        self.attachment_count > 0
    }

    /// What pages of policies are sorted by.
    pub(super) fn sorted_by(&self) -> String {
        format!("{} {}", self.policy_name.to_ascii_lowercase(), self.arn)
    }
}

/// A version of a managed policy.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct VersionDescription {
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<String>,
    version_id: String,
    is_default_version: bool,
    create_date: Timestamp,
}

impl VersionDescription {
    pub(super) fn of(policy: &ManagedPolicy, version: &PolicyVersion) -> Self {
        Self {
            document: None,
            version_id: version_id(version.number),
            is_default_version: version.number == policy.default_version,
            create_date: Timestamp(version.created_at_ms),
        }
    }

    pub(super) fn with_document(policy: &ManagedPolicy, version: &PolicyVersion) -> Self {
        let document = Some(documents::encoded(&version.document));
        Self { document, ..Self::of(policy, version) }
    }
}

/// `v1` and so on.
pub(super) fn version_id(number: u32) -> String {
    format!("v{number}")
}

/// An access key without its secret.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct KeyDescription {
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<String>,
    access_key_id: String,
    status: &'static str,
    create_date: Timestamp,
}

impl KeyDescription {
    pub(super) fn of(key: &AccessKey, user_name: Option<String>) -> Self {
        Self {
            user_name,
            access_key_id: key.id.clone(),
            status: status(key.status),
            create_date: Timestamp(key.created_at_ms),
        }
    }
}

/// `Active` or `Inactive`.
pub(super) fn status(status: KeyStatus) -> &'static str {
    match status {
        KeyStatus::Active => "Active",
        KeyStatus::Inactive => "Inactive",
    }
}
