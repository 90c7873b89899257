//! `PutUserPermissionsBoundary`: bounds what a user may be allowed, by a managed policy.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::{attachments, names, principals};
use crate::identities::User;
use crate::services::{Context, InputKeys, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct PutUserPermissionsBoundary;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    user_name: Option<String>,
    #[serde(default)]
    permissions_boundary: Option<String>,
}

impl Operation for PutUserPermissionsBoundary {
    const NAME: &'static str = "PutUserPermissionsBoundary";
    const IAM_ACTION: &'static str = "iam:PutUserPermissionsBoundary";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("user", input.user_name.clone())
    }

    fn keys(input: &Input) -> InputKeys {
        let arn = input.permissions_boundary.as_ref();
        InputKeys::default().with_given("iam:PermissionsBoundary", arn)
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let name = names::user(input.user_name)?;
        let arn = names::arn("permissionsBoundary", input.permissions_boundary)?;
        principals::update(context, name, move |user: &mut User, snapshot, _| {
            attachments::usable(snapshot, &user.account, &arn)?;
            user.boundary = Some(arn);
            Ok(())
        })
        .await?;
        Ok(NoOutput {})
    }
}
