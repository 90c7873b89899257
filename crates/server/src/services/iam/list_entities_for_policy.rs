//! `ListEntitiesForPolicy`: users, groups and roles to which a managed policy is attached, or whose boundary it is.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::descriptions::ENTITY_TYPES;
use super::page::{Cut, Page};
use super::{names, policies};
use crate::identities::{Grants, Group, Role, User};
use crate::services::constraints::Constraints;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct ListEntitiesForPolicy;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    policy_arn: Option<String>,
    #[serde(default)]
    entity_filter: Option<String>,
    #[serde(default)]
    path_prefix: Option<String>,
    #[serde(default)]
    policy_usage_filter: Option<String>,
    #[serde(default)]
    marker: Option<String>,
    #[serde(default)]
    max_items: Option<i64>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    policy_groups: Vec<Entry>,
    policy_roles: Vec<Entry>,
    policy_users: Vec<Entry>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

impl Operation for ListEntitiesForPolicy {
    const NAME: &'static str = "ListEntitiesForPolicy";
    const IAM_ACTION: &'static str = "iam:ListEntitiesForPolicy";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        Resource::ManagedPolicy(input.policy_arn.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let page = Page::parse(input.marker.as_deref(), input.max_items)?;
        let arn = names::arn("policyArn", input.policy_arn)?;
        let (kind, usage) = (input.entity_filter.as_deref(), input.policy_usage_filter.as_deref());
        Constraints::new()
            .one_of("entityFilter", kind, &ENTITY_TYPES)
            .one_of("policyUsageFilter", usage, USAGES)
            .check()?;
        let prefix = names::path_prefix(input.path_prefix)?;
        policies::found(context, &arn)?;
        let (snapshot, account) = (context.identities.snapshot(), &*context.identity.account);
        let (attached, bounded) = (usage != Some(USAGES[1]), usage != Some(USAGES[0]));
        let uses = |grants: &Grants, boundary: Option<&String>, path: &str| {
            let is_attached = attached && grants.attached.contains(&arn);
            let is_bounded = bounded && boundary == Some(&arn);
            (is_attached || is_bounded) && path.starts_with(&prefix)
        };
        let groups = snapshot.of_account::<Group>(account);
        let groups = groups.filter(|it| uses(&it.grants, None, &it.path)).map(Entry::group);
        let roles = snapshot.of_account::<Role>(account);
        let roles =
            roles.filter(|it| uses(&it.grants, it.boundary.as_ref(), &it.path)).map(Entry::role);
        let users = snapshot.of_account::<User>(account);
        let users =
            users.filter(|it| uses(&it.grants, it.boundary.as_ref(), &it.path)).map(Entry::user);
        let all = groups.chain(roles).chain(users);
        let wanted = all.filter(|entry| kind.is_none_or(|kind| entry.kind() == kind));
        Ok(Output::of(page.of(wanted, Entry::sorted_by)))
    }
}

const USAGES: &[&str] = &["PermissionsPolicy", "PermissionsBoundary"];

/// Something that uses the policy.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Entry {
    #[serde(rename_all = "PascalCase")]
    Group { group_name: String, group_id: String },
    #[serde(rename_all = "PascalCase")]
    Role { role_name: String, role_id: String },
    #[serde(rename_all = "PascalCase")]
    User { user_name: String, user_id: String },
}

impl Entry {
    fn group(group: &Arc<Group>) -> Self {
        Self::Group { group_name: group.name.clone(), group_id: group.unique_id.clone() }
    }

    fn role(role: &Arc<Role>) -> Self {
        Self::Role { role_name: role.name.clone(), role_id: role.unique_id.clone() }
    }

    fn user(user: &Arc<User>) -> Self {
        Self::User { user_name: user.name.clone(), user_id: user.unique_id.clone() }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Group { .. } => "Group",
            Self::Role { .. } => "Role",
            Self::User { .. } => "User",
        }
    }

    /// Groups, roles, users, each by name.
    fn sorted_by(&self) -> String {
        let (Self::Group { group_name: name, .. }
        | Self::Role { role_name: name, .. }
        | Self::User { user_name: name, .. }) = self;
        format!("{} {}", self.kind(), name.to_ascii_lowercase())
    }
}

impl Output {
    fn of(cut: Cut<Entry>) -> Self {
        let Cut { items, is_truncated, marker } = cut;
        let (mut policy_groups, mut policy_roles, mut policy_users) = (vec![], vec![], vec![]);
        for entry in items {
            match entry {
                Entry::Group { .. } => policy_groups.push(entry),
                Entry::Role { .. } => policy_roles.push(entry),
                Entry::User { .. } => policy_users.push(entry),
            }
        }
        Self { policy_groups, policy_roles, policy_users, is_truncated, marker }
    }
}
