//! `ListPolicyVersions`: the versions of a managed policy, the newest first.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::descriptions::VersionDescription;
use super::page::{Cut, Page};
use super::{names, policies};
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct ListPolicyVersions;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    policy_arn: Option<String>,
    #[serde(default)]
    marker: Option<String>,
    #[serde(default)]
    max_items: Option<i64>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    versions: Vec<VersionDescription>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

impl Operation for ListPolicyVersions {
    const NAME: &'static str = "ListPolicyVersions";
    const IAM_ACTION: &'static str = "iam:ListPolicyVersions";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        Resource::ManagedPolicy(input.policy_arn.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let page = Page::parse(input.marker.as_deref(), input.max_items)?;
        let policy = policies::found(context, &names::arn("policyArn", input.policy_arn)?)?;
        let newest_first = policy.versions.iter().rev();
        let Cut { items, is_truncated, marker } =
            page.of(newest_first, |version| format!("{:010}", u32::MAX - version.number));
        let described = items.into_iter().map(|version| VersionDescription::of(&policy, version));
        Ok(Output { versions: described.collect(), is_truncated, marker })
    }
}
