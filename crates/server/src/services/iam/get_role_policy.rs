//! `GetRolePolicy`: an inline policy of a role.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::{inline_policies, names};
use crate::identities::Role;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct GetRolePolicy;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    role_name: Option<String>,
    #[serde(default)]
    policy_name: Option<String>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    role_name: String,
    policy_name: String,
    policy_document: String,
}

impl Operation for GetRolePolicy {
    const NAME: &'static str = "GetRolePolicy";
    const IAM_ACTION: &'static str = "iam:GetRolePolicy";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("role", input.role_name.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let name = names::role(input.role_name)?;
        let policy_name = names::policy(input.policy_name)?;
        let (role_name, policy_document) =
            inline_policies::get::<Role>(context, &name, &policy_name)?;
        Ok(Output { role_name, policy_name, policy_document })
    }
}
