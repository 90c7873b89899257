//! `AttachUserPolicy`: attaches a managed policy to a user.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::{attachments, names};
use crate::identities::User;
use crate::services::{Context, InputKeys, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct AttachUserPolicy;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    user_name: Option<String>,
    #[serde(default)]
    policy_arn: Option<String>,
}

impl Operation for AttachUserPolicy {
    const NAME: &'static str = "AttachUserPolicy";
    const IAM_ACTION: &'static str = "iam:AttachUserPolicy";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("user", input.user_name.clone())
    }

    fn keys(input: &Input) -> InputKeys {
        InputKeys::default().with_given("iam:PolicyARN", input.policy_arn.as_ref())
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let name = names::user(input.user_name)?;
        attachments::attach::<User>(context, name, input.policy_arn).await?;
        Ok(NoOutput {})
    }
}
