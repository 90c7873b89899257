//! `GetGroup`: a group and its users.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::descriptions::{Detail, GroupDescription, UserDescription};
use super::page::{Cut, Page};
use super::{names, principals};
use crate::identities::{Group, User};
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct GetGroup;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    group_name: Option<String>,
    #[serde(default)]
    marker: Option<String>,
    #[serde(default)]
    max_items: Option<i64>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    group: GroupDescription,
    users: Vec<UserDescription>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

impl Operation for GetGroup {
    const NAME: &'static str = "GetGroup";
    const IAM_ACTION: &'static str = "iam:GetGroup";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("group", input.group_name.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let page = Page::parse(input.marker.as_deref(), input.max_items)?;
        let group = principals::found::<Group>(context, &names::group(input.group_name)?)?;
        let snapshot = context.identities.snapshot();
        let all = snapshot.of_account::<User>(&context.identity.account);
        let members = all.filter(|user| user.groups.contains(&group.name));
        let Cut { items, is_truncated, marker } =
            page.of(members, |user| user.name.to_ascii_lowercase());
        let users = items.into_iter().map(|user| UserDescription::of(user, Detail::Listed));
        Ok(Output {
            group: GroupDescription::of(&group),
            users: users.collect(),
            is_truncated,
            marker,
        })
    }
}
