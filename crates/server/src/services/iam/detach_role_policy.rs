//! `DetachRolePolicy`: detaches a managed policy from a role.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::{attachments, names};
use crate::identities::Role;
use crate::services::{Context, InputKeys, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct DetachRolePolicy;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    role_name: Option<String>,
    #[serde(default)]
    policy_arn: Option<String>,
}

impl Operation for DetachRolePolicy {
    const NAME: &'static str = "DetachRolePolicy";
    const IAM_ACTION: &'static str = "iam:DetachRolePolicy";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("role", input.role_name.clone())
    }

    fn keys(input: &Input) -> InputKeys {
        InputKeys::default().with_given("iam:PolicyARN", input.policy_arn.as_ref())
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let name = names::role(input.role_name)?;
        attachments::detach::<Role>(context, name, input.policy_arn).await?;
        Ok(NoOutput {})
    }
}
