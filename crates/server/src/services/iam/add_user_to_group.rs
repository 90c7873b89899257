//! `AddUserToGroup`: puts a user into a group; one that is in it stays.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::limits::GROUPS_PER_USER_MAX;
use super::{errors, names, principals};
use crate::identities::{Group, User};
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct AddUserToGroup;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    group_name: Option<String>,
    #[serde(default)]
    user_name: Option<String>,
}

impl Operation for AddUserToGroup {
    const NAME: &'static str = "AddUserToGroup";
    const IAM_ACTION: &'static str = "iam:AddUserToGroup";
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
            user.groups.insert(group.name.clone());
            match user.groups.len() > GROUPS_PER_USER_MAX {
                true => Err(errors::quota("GroupsPerUser", GROUPS_PER_USER_MAX)),
                false => Ok(()),
            }
        })
        .await?;
        Ok(NoOutput {})
    }
}
