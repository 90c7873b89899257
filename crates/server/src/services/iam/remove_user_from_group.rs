//! `RemoveUserFromGroup`: takes a user out of a group.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::{errors, names, principals};
use crate::identities::{Group, User};
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct RemoveUserFromGroup;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    group_name: Option<String>,
    #[serde(default)]
    user_name: Option<String>,
}

impl Operation for RemoveUserFromGroup {
    const NAME: &'static str = "RemoveUserFromGroup";
    const IAM_ACTION: &'static str = "iam:RemoveUserFromGroup";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("group", input.group_name.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let group = names::group(input.group_name)?;
        let name = names::user(input.user_name)?;
        principals::update(context, name, move |user: &mut User, snapshot, _| {
            let group = principals::existing::<Group>(snapshot, &user.account, &group)?;
            match user.groups.remove(&group.name) {
                true => Ok(()),
                false => Err(errors::no_such_entity(format!(
                    "User {} not in Group {}",
                    user.name, group.name
                ))),
            }
        })
        .await?;
        Ok(NoOutput {})
    }
}
