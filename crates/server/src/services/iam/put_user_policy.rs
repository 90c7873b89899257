//! `PutUserPolicy`: adds or replaces an inline policy of a user.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::{inline_policies, names};
use crate::identities::User;
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct PutUserPolicy;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    user_name: Option<String>,
    #[serde(default)]
    policy_name: Option<String>,
    #[serde(default)]
    policy_document: Option<String>,
}

impl Operation for PutUserPolicy {
    const NAME: &'static str = "PutUserPolicy";
    const IAM_ACTION: &'static str = "iam:PutUserPolicy";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("user", input.user_name.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let name = names::user(input.user_name)?;
        inline_policies::put::<User>(context, name, input.policy_name, input.policy_document)
            .await?;
        Ok(NoOutput {})
    }
}
