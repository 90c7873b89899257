//! `PutRolePermissionsBoundary`: bounds what a role may be allowed, by a managed policy.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::{attachments, names, principals};
use crate::identities::Role;
use crate::services::{Context, InputKeys, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct PutRolePermissionsBoundary;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    role_name: Option<String>,
    #[serde(default)]
    permissions_boundary: Option<String>,
}

impl Operation for PutRolePermissionsBoundary {
    const NAME: &'static str = "PutRolePermissionsBoundary";
    const IAM_ACTION: &'static str = "iam:PutRolePermissionsBoundary";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("role", input.role_name.clone())
    }

    fn keys(input: &Input) -> InputKeys {
        let arn = input.permissions_boundary.as_ref();
        InputKeys::default().with_given("iam:PermissionsBoundary", arn)
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let name = names::role(input.role_name)?;
        let arn = names::arn("permissionsBoundary", input.permissions_boundary)?;
        principals::update(context, name, move |role: &mut Role, snapshot, _| {
            attachments::usable(snapshot, &role.account, &arn)?;
            role.boundary = Some(arn);
            Ok(())
        })
        .await?;
        Ok(NoOutput {})
    }
}
