//! `DeletePolicyVersion`: removes a version of a managed policy that is not the default.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::{errors, policies};
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct DeletePolicyVersion;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    policy_arn: Option<String>,
    #[serde(default)]
    version_id: Option<String>,
}

impl Operation for DeletePolicyVersion {
    const NAME: &'static str = "DeletePolicyVersion";
    const IAM_ACTION: &'static str = "iam:DeletePolicyVersion";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::ManagedPolicy(input.policy_arn.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let arn = input.policy_arn.clone().unwrap_or_default();
        let number = policies::version_number(&arn, input.version_id)?;
        policies::update(context, input.policy_arn, move |policy, _| {
            policies::version(policy, number)?;
            if number == policy.default_version {
                return Err(errors::delete_conflict(
                    "Cannot delete the default version of a policy.",
                ));
            }
            policy.versions.retain(|version| version.number != number);
            Ok(())
        })
        .await?;
        Ok(NoOutput {})
    }
}
