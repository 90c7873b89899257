//! `ListPolicies`: managed policies, by name: those of the account, and those of AWS.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::descriptions::{Detail, PolicyDescription};
use super::names;
use super::page::{Cut, Page};
use crate::identities::{AWS, ManagedPolicy};
use crate::services::constraints::Constraints;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct ListPolicies;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    only_attached: Option<bool>,
    #[serde(default)]
    path_prefix: Option<String>,
    #[serde(default)]
    marker: Option<String>,
    #[serde(default)]
    max_items: Option<i64>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    policies: Vec<PolicyDescription>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

impl Operation for ListPolicies {
    const NAME: &'static str = "ListPolicies";
    const IAM_ACTION: &'static str = "iam:ListPolicies";
    type Input = Input;
    type Output = Output;

    fn resource(_: &Input) -> Resource {
        Resource::Account
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let page = Page::parse(input.marker.as_deref(), input.max_items)?;
        let scope = input.scope.as_deref();
        Constraints::new().one_of("scope", scope, &["All", "AWS", "Local"]).check()?;
        let prefix = names::path_prefix(input.path_prefix)?;
        let (snapshot, account) = (context.identities.snapshot(), &*context.identity.account);
        let aws = snapshot.of_account::<ManagedPolicy>(AWS).filter(|_| scope != Some("Local"));
        let own = snapshot.of_account::<ManagedPolicy>(account).filter(|_| scope != Some("AWS"));
        let mut listed: Vec<_> = aws
            .chain(own)
            .filter(|policy| policy.path.starts_with(&prefix))
            .map(|policy| PolicyDescription::of(policy, account, &snapshot, Detail::Listed))
            .filter(|policy| input.only_attached != Some(true) || policy.is_attached())
            .collect();
        listed.sort_by_key(PolicyDescription::sorted_by);
        let Cut { items: policies, is_truncated, marker } =
            page.of(listed.into_iter(), PolicyDescription::sorted_by);
        Ok(Output { policies, is_truncated, marker })
    }
}
