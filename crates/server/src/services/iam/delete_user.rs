//! `DeleteUser`: removes a user to which nothing belongs any more.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::{names, principals};
use crate::identities::{Snapshot, User};
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct DeleteUser;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    user_name: Option<String>,
}

impl Operation for DeleteUser {
    const NAME: &'static str = "DeleteUser";
    const IAM_ACTION: &'static str = "iam:DeleteUser";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("user", input.user_name.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let name = names::user(input.user_name)?;
        let is_referenced =
            |user: &User, _: &Snapshot| !user.access_keys.is_empty() || !user.groups.is_empty();
        principals::delete(context, name, is_referenced).await?;
        Ok(NoOutput {})
    }
}
