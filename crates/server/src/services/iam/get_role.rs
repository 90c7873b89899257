//! `GetRole`: a role.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::descriptions::{Detail, RoleDescription};
use super::{names, principals};
use crate::identities::Role;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct GetRole;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    role_name: Option<String>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    role: RoleDescription,
}

impl Operation for GetRole {
    const NAME: &'static str = "GetRole";
    const IAM_ACTION: &'static str = "iam:GetRole";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("role", input.role_name.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let role = principals::found::<Role>(context, &names::role(input.role_name)?)?;
        Ok(Output { role: RoleDescription::of(&role, Detail::Full) })
    }
}
