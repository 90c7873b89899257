//! Managed policies attached to users, groups and roles.

use serde::Serialize;
use sluice_wire::AwsError;

use super::limits::ATTACHED_MAX;
use super::page::{Cut, Page};
use super::{errors, names, principals};
use crate::identities::{
    Grants, Group, ManagedPolicy, Principal, Role, Snapshot, User, parsed_arn,
};
use crate::services::Context;

/// Attaches a managed policy; one that is attached stays so.
pub(super) async fn attach<P: Principal>(
    context: &Context,
    name: String,
    policy_arn: Option<String>,
) -> Result<(), AwsError> {
    let arn = names::arn("policyArn", policy_arn)?;
    principals::update::<P, ()>(context, name, move |principal, snapshot, _| {
        usable(snapshot, principal.account(), &arn)?;
        let attached = &mut principal.grants_mut().attached;
        attached.insert(arn);
        if attached.len() > ATTACHED_MAX {
            let quota = match P::KIND {
                "user" => "PoliciesPerUser",
                "group" => "PoliciesPerGroup",
                _ => "PoliciesPerRole",
            };
            return Err(errors::quota(quota, ATTACHED_MAX));
        }
        Ok(())
    })
    .await
}

/// Finds a policy that an account may attach: its own, or one of AWS's.
pub(super) fn usable(snapshot: &Snapshot, account: &str, arn: &str) -> Result<(), AwsError> {
    let policy = ManagedPolicy::by_arn(snapshot, arn);
    let usable = policy.filter(|policy| policy.account == account || policy.is_of_aws());
    usable.map(|_| ()).ok_or_else(|| errors::not_attachable(arn))
}

/// Detaches a managed policy.
pub(super) async fn detach<P: Principal>(
    context: &Context,
    name: String,
    policy_arn: Option<String>,
) -> Result<(), AwsError> {
    let arn = names::arn("policyArn", policy_arn)?;
    principals::update::<P, ()>(context, name, move |principal, _, _| {
        let was_attached = principal.grants_mut().attached.remove(&arn);
        if was_attached { Ok(()) } else { Err(errors::no_such_policy(&arn)) }
    })
    .await
}

/// An attached policy in an answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AttachedPolicy {
    policy_name: String,
    policy_arn: String,
}

impl AttachedPolicy {
    /// Those that are attached and whose paths begin so, by their ARNs.
    pub(super) fn all(grants: &Grants, prefix: &str) -> impl Iterator<Item = Self> {
        grants.attached.iter().filter_map(move |arn| {
            let (_, path, name) = parsed_arn(arn, "policy")?;
            let policy = Self { policy_name: name.to_owned(), policy_arn: arn.clone() };
            path.starts_with(prefix).then_some(policy)
        })
    }
}

/// Attached policies, on a page.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AttachedPage {
    attached_policies: Vec<AttachedPolicy>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

/// Lists attached policies by their ARNs.
pub(super) fn list<P: Principal>(
    context: &Context,
    name: &str,
    path_prefix: Option<String>,
    page: &Page,
) -> Result<AttachedPage, AwsError> {
    let prefix = names::path_prefix(path_prefix)?;
    let principal = principals::found::<P>(context, name)?;
    let attached = AttachedPolicy::all(principal.grants(), &prefix);
    let Cut { items, is_truncated, marker } = page.of(attached, |it| it.policy_arn.clone());
    Ok(AttachedPage { attached_policies: items, is_truncated, marker })
}

/// To how many users, groups and roles of an account a policy is attached.
pub(super) fn count(snapshot: &Snapshot, account: &str, arn: &str) -> usize {
    fn of<P: Principal>(snapshot: &Snapshot, account: &str, arn: &str) -> usize {
        let all = snapshot.of_account::<P>(account);
        all.filter(|principal| principal.grants().attached.contains(arn)).count()
    }
    of::<User>(snapshot, account, arn)
        + of::<Group>(snapshot, account, arn)
        + of::<Role>(snapshot, account, arn)
}

/// For how many users and roles of an account a policy is the boundary.
pub(super) fn boundary_count(snapshot: &Snapshot, account: &str, arn: &str) -> usize {
    let is_it = |boundary: &Option<String>| boundary.as_deref() == Some(arn);
    let users = snapshot.of_account::<User>(account).filter(|user| is_it(&user.boundary));
    let roles = snapshot.of_account::<Role>(account).filter(|role| is_it(&role.boundary));
    users.count() + roles.count()
}
