//! Policy simulations: what policies would decide, without doing anything.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sluice_policy::{
    ContextKeys, Decision, Denial, Kind, Policies, Policy, PolicyType, Principal, Request,
    ResourcePolicy, Values, decide,
};
use sluice_wire::AwsError;

use super::errors;
use super::names::bad_arn;
use super::page::{Cut, Page};
use crate::identities::parsed_arn;
use crate::services::constraints::{Constraints, refused};
use crate::services::member_list::MemberList;

/// Pairs of actions and resources; a page is found by counting them.
const DECISIONS_MAX: usize = 10_000;

/// What both operations take.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Scenario {
    #[serde(default)]
    pub(super) policy_source_arn: Option<String>,
    #[serde(default)]
    pub(super) policy_input_list: MemberList<String>,
    #[serde(default)]
    permissions_boundary_policy_input_list: MemberList<String>,
    #[serde(default)]
    action_names: MemberList<String>,
    #[serde(default)]
    resource_arns: MemberList<String>,
    #[serde(default)]
    resource_policy: Option<String>,
    #[serde(default)]
    resource_owner: Option<String>,
    #[serde(default)]
    pub(super) caller_arn: Option<String>,
    #[serde(default)]
    context_entries: MemberList<ContextEntry>,
    #[serde(default)]
    marker: Option<String>,
    #[serde(default)]
    max_items: Option<i64>,
}

/// A condition key on the wire.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContextEntry {
    #[serde(default)]
    context_key_name: String,
    #[serde(default)]
    context_key_values: MemberList<String>,
}

/// What both operations answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Outcome {
    evaluation_results: Vec<EvaluationResult>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

/// What is decided about one action on one resource.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct EvaluationResult {
    eval_action_name: String,
    eval_resource_name: String,
    eval_decision: &'static str,
    missing_context_values: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions_boundary_decision_detail: Option<BoundaryDetail>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct BoundaryDetail {
    allowed_by_permissions_boundary: bool,
}

/// Parses a policy of a request, or one that is stored.
pub(super) fn parsed(text: &str, kind: Kind) -> Result<Policy, AwsError> {
    Policy::parse(text, kind).map_err(|error| errors::invalid_input(error.to_string()))
}

impl Scenario {
    /// Decides about every action on every resource. The boundary is `stored` unless one is given.
    pub(super) fn decide(
        self,
        caller: Principal<'_>,
        texts: &[String],
        stored_boundary: Option<String>,
    ) -> Result<Outcome, AwsError> {
        let names = self.action_names.0;
        let first = names.first().map(String::as_str);
        Constraints::new().required("actionNames", first, 3, 128).check()?;
        let page = Page::parse(self.marker.as_deref(), self.max_items)?;
        let resource = self.resource_policy.as_deref();
        let resource = resource.map(|text| parsed(text, Kind::Resource)).transpose()?;
        let boundary = self.permissions_boundary_policy_input_list.0.into_iter().next();
        let boundary = boundary.or(stored_boundary);
        let boundary = boundary.map(|text| parsed(&text, Kind::Identity)).transpose()?;
        let identity = texts.iter().map(|text| parsed(text, Kind::Identity).map(Arc::new));
        let identity = identity.collect::<Result<Vec<_>, _>>()?;
        let policies = Policies {
            identity: &identity,
            boundary: boundary.as_ref(),
            session: &[],
            resource: ResourcePolicy::Optional(resource.as_ref()),
            endpoint: None,
        };
        let any = vec!["*".to_owned()];
        let given = self.resource_arns.0;
        let resources = if given.is_empty() { any } else { given };
        if names.len().saturating_mul(resources.len()) > DECISIONS_MAX {
            return Err(refused(format!(
                "A simulation decides about at most {DECISIONS_MAX} pairs of actions and resources."
            )));
        }
        let entries = self.context_entries.0;
        let result = |action: &String, resource: &String| {
            let owner = self.resource_owner.as_deref().and_then(account_in);
            let owner = owner.or_else(|| account_in(resource)).or(caller.account());
            let owner = owner.unwrap_or_default();
            let context = Entries { entries: &entries, missing: RefCell::default() };
            let request = Request {
                principal: caller,
                action,
                resource,
                resource_account: owner,
                context: &context,
            };
            result(&request, &policies, &context)
        };
        let all = names.iter().flat_map(|action| resources.iter().map(move |it| (action, it)));
        let all = all.enumerate();
        let Cut { items, is_truncated, marker } = page.of(all, |(index, _)| format!("{index:09}"));
        let results = items.into_iter().map(|(_, (action, resource))| result(action, resource));
        Ok(Outcome { evaluation_results: results.collect(), is_truncated, marker })
    }
}

fn result(
    request: &Request<'_>,
    policies: &Policies<'_>,
    context: &Entries<'_>,
) -> EvaluationResult {
    let decision = decide(request, policies);
    let by_boundary = Decision::Denied(Denial::Implicit(PolicyType::Boundary));
    let detail = policies.boundary.map(|boundary| {
        let alone = Policies { identity: &[], boundary: Some(boundary), ..*policies };
        let denies = decide(request, &alone);
        let allowed_by_permissions_boundary = decision != by_boundary
            && denies != Decision::Denied(Denial::Explicit(PolicyType::Boundary));
        BoundaryDetail { allowed_by_permissions_boundary }
    });
    EvaluationResult {
        eval_action_name: request.action.to_owned(),
        eval_resource_name: request.resource.to_owned(),
        eval_decision: match decision {
            Decision::Allowed => "allowed",
            Decision::Denied(Denial::Explicit(_)) => "explicitDeny",
            Decision::Denied(Denial::Implicit(_)) => "implicitDeny",
        },
        missing_context_values: context.missing.take().into_iter().collect(),
        permissions_boundary_decision_detail: detail,
    }
}

/// The account in an ARN.
fn account_in(arn: &str) -> Option<&str> {
    arn.split(':').nth(4).filter(|account| !account.is_empty())
}

/// The condition keys of a scenario; notes those that were asked for and are not there.
struct Entries<'a> {
    entries: &'a [ContextEntry],
    missing: RefCell<BTreeSet<String>>,
}

impl ContextKeys for Entries<'_> {
    fn values(&self, key: &str) -> Option<Values<'_>> {
        let is_it = |entry: &&ContextEntry| entry.context_key_name.eq_ignore_ascii_case(key);
        let Some(entry) = self.entries.iter().find(is_it) else {
            if !follows_from_principal(key) {
                self.missing.borrow_mut().insert(key.to_owned());
            }
            return None;
        };
        Some(match &entry.context_key_values.0[..] {
            [value] => Values::from(value.as_str()),
            values => Values::Many(values.iter().map(|value| value.as_str().into()).collect()),
        })
    }
}

fn follows_from_principal(key: &str) -> bool {
    let is_of_principal = key.starts_with("aws:principal") && !key.contains('/');
    is_of_principal || ["aws:userid", "aws:username", "aws:resourceaccount"].contains(&key)
}

/// Who an ARN is, as far as it tells.
pub(super) fn principal<'a>(arn: &'a str, unique_id: &'a str) -> Result<Principal<'a>, AwsError> {
    if let Some((account, _, name)) = parsed_arn(arn, "user") {
        return Ok(Principal::User { account, arn, id: unique_id, name });
    }
    if let Some((account, ..)) = parsed_arn(arn, "role") {
        return Ok(Principal::RoleSession { account, arn, role_arn: arn, id: unique_id });
    }
    // A root has no policies to simulate: it is taken for a user that has none of its own.
    let account = account_in(arn).ok_or_else(bad_arn)?;
    Ok(Principal::User { account, arn, id: unique_id, name: "" })
}
