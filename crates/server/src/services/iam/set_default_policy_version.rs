//! `SetDefaultPolicyVersion`: which version of a managed policy counts.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::policies;
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct SetDefaultPolicyVersion;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    policy_arn: Option<String>,
    #[serde(default)]
    version_id: Option<String>,
}

impl Operation for SetDefaultPolicyVersion {
    const NAME: &'static str = "SetDefaultPolicyVersion";
    const IAM_ACTION: &'static str = "iam:SetDefaultPolicyVersion";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::ManagedPolicy(input.policy_arn.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let arn = input.policy_arn.clone().unwrap_or_default();
        let number = policies::version_number(&arn, input.version_id)?;
        policies::update(context, input.policy_arn, move |policy, now_ms| {
            policies::version(policy, number)?;
            policy.set_default(number, now_ms);
            Ok(())
        })
        .await?;
        Ok(NoOutput {})
    }
}
