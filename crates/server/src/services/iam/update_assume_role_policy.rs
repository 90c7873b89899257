//! `UpdateAssumeRolePolicy`: another trust policy for a role.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::{names, principals, role_settings};
use crate::identities::Role;
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct UpdateAssumeRolePolicy;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    role_name: Option<String>,
    #[serde(default)]
    policy_document: Option<String>,
}

impl Operation for UpdateAssumeRolePolicy {
    const NAME: &'static str = "UpdateAssumeRolePolicy";
    const IAM_ACTION: &'static str = "iam:UpdateAssumeRolePolicy";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("role", input.role_name.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let name = names::role(input.role_name)?;
        let trust_policy = role_settings::trust_policy("policyDocument", input.policy_document)?;
        principals::update(context, name, move |role: &mut Role, _, _| {
            role.trust_policy = trust_policy;
            Ok(())
        })
        .await?;
        Ok(NoOutput {})
    }
}
