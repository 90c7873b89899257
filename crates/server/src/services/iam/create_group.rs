//! `CreateGroup`: a new group.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::descriptions::GroupDescription;
use super::limits::GROUPS_MAX;
use super::{names, principals};
use crate::identities::{Draft, Group};
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct CreateGroup;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    group_name: Option<String>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    group: GroupDescription,
}

impl Operation for CreateGroup {
    const NAME: &'static str = "CreateGroup";
    const IAM_ACTION: &'static str = "iam:CreateGroup";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        Resource::NewIamEntity("group", input.path.clone(), input.group_name.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let name = names::group(input.group_name)?;
        let path = names::path(input.path)?;
        let account = context.identity.account.to_string();
        let decide = move |draft: &mut Draft, now_ms| {
            let group = Group::new(&account, &path, &name, now_ms);
            principals::create(draft, group, ("GroupsPerAccount", GROUPS_MAX))
        };
        let group = context.identities.change(decide).await?;
        Ok(Output { group: GroupDescription::of(&group) })
    }
}
