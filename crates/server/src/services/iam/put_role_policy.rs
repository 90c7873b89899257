//! `PutRolePolicy`: adds or replaces an inline policy of a role.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::{inline_policies, names};
use crate::identities::Role;
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct PutRolePolicy;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    role_name: Option<String>,
    #[serde(default)]
    policy_name: Option<String>,
    #[serde(default)]
    policy_document: Option<String>,
}

impl Operation for PutRolePolicy {
    const NAME: &'static str = "PutRolePolicy";
    const IAM_ACTION: &'static str = "iam:PutRolePolicy";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("role", input.role_name.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let name = names::role(input.role_name)?;
        inline_policies::put::<Role>(context, name, input.policy_name, input.policy_document)
            .await?;
        Ok(NoOutput {})
    }
}
