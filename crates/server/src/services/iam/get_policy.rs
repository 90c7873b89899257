//! `GetPolicy`: a managed policy.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::descriptions::{Detail, PolicyDescription};
use super::{names, policies};
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct GetPolicy;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    policy_arn: Option<String>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    policy: PolicyDescription,
}

impl Operation for GetPolicy {
    const NAME: &'static str = "GetPolicy";
    const IAM_ACTION: &'static str = "iam:GetPolicy";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        Resource::ManagedPolicy(input.policy_arn.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let policy = policies::found(context, &names::arn("policyArn", input.policy_arn)?)?;
        let (snapshot, account) = (context.identities.snapshot(), &context.identity.account);
        let policy = PolicyDescription::of(&policy, account, &snapshot, Detail::Full);
        Ok(Output { policy })
    }
}
