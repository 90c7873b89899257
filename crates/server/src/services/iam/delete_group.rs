//! `DeleteGroup`: removes a group without users and policies.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::{names, principals};
use crate::identities::{Group, Snapshot, User};
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct DeleteGroup;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    group_name: Option<String>,
}

impl Operation for DeleteGroup {
    const NAME: &'static str = "DeleteGroup";
    const IAM_ACTION: &'static str = "iam:DeleteGroup";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("group", input.group_name.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let name = names::group(input.group_name)?;
        let has_users = |group: &Group, snapshot: &Snapshot| {
            let mut users = snapshot.of_account::<User>(&group.account);
            users.any(|user| user.groups.contains(&group.name))
        };
        principals::delete(context, name, has_users).await?;
        Ok(NoOutput {})
    }
}
