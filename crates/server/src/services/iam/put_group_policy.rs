//! `PutGroupPolicy`: adds or replaces an inline policy of a group.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::{inline_policies, names};
use crate::identities::Group;
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct PutGroupPolicy;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    group_name: Option<String>,
    #[serde(default)]
    policy_name: Option<String>,
    #[serde(default)]
    policy_document: Option<String>,
}

impl Operation for PutGroupPolicy {
    const NAME: &'static str = "PutGroupPolicy";
    const IAM_ACTION: &'static str = "iam:PutGroupPolicy";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("group", input.group_name.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let name = names::group(input.group_name)?;
        inline_policies::put::<Group>(context, name, input.policy_name, input.policy_document)
            .await?;
        Ok(NoOutput {})
    }
}
