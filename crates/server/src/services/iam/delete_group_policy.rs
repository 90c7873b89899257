//! `DeleteGroupPolicy`: removes an inline policy of a group.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::{inline_policies, names};
use crate::identities::Group;
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct DeleteGroupPolicy;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    group_name: Option<String>,
    #[serde(default)]
    policy_name: Option<String>,
}

impl Operation for DeleteGroupPolicy {
    const NAME: &'static str = "DeleteGroupPolicy";
    const IAM_ACTION: &'static str = "iam:DeleteGroupPolicy";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("group", input.group_name.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let name = names::group(input.group_name)?;
        inline_policies::delete::<Group>(context, name, input.policy_name).await?;
        Ok(NoOutput {})
    }
}
