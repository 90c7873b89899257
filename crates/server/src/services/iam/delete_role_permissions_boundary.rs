//! `DeleteRolePermissionsBoundary`: removes the boundary of a role.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::{names, principals};
use crate::identities::Role;
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct DeleteRolePermissionsBoundary;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    role_name: Option<String>,
}

impl Operation for DeleteRolePermissionsBoundary {
    const NAME: &'static str = "DeleteRolePermissionsBoundary";
    const IAM_ACTION: &'static str = "iam:DeleteRolePermissionsBoundary";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("role", input.role_name.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let name = names::role(input.role_name)?;
        principals::update(context, name, |role: &mut Role, _, _| {
            role.boundary = None;
            Ok(())
        })
        .await?;
        Ok(NoOutput {})
    }
}
