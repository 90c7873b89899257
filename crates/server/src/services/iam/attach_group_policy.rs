//! `AttachGroupPolicy`: attaches a managed policy to a group.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::{attachments, names};
use crate::identities::Group;
use crate::services::{Context, InputKeys, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct AttachGroupPolicy;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    group_name: Option<String>,
    #[serde(default)]
    policy_arn: Option<String>,
}

impl Operation for AttachGroupPolicy {
    const NAME: &'static str = "AttachGroupPolicy";
    const IAM_ACTION: &'static str = "iam:AttachGroupPolicy";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("group", input.group_name.clone())
    }

    fn keys(input: &Input) -> InputKeys {
        InputKeys::default().with_given("iam:PolicyARN", input.policy_arn.as_ref())
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let name = names::group(input.group_name)?;
        attachments::attach::<Group>(context, name, input.policy_arn).await?;
        Ok(NoOutput {})
    }
}
