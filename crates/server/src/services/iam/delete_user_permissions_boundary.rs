//! `DeleteUserPermissionsBoundary`: removes the boundary of a user.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::{names, principals};
use crate::identities::User;
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct DeleteUserPermissionsBoundary;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    user_name: Option<String>,
}

impl Operation for DeleteUserPermissionsBoundary {
    const NAME: &'static str = "DeleteUserPermissionsBoundary";
    const IAM_ACTION: &'static str = "iam:DeleteUserPermissionsBoundary";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("user", input.user_name.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let name = names::user(input.user_name)?;
        principals::update(context, name, |user: &mut User, _, _| {
            user.boundary = None;
            Ok(())
        })
        .await?;
        Ok(NoOutput {})
    }
}
