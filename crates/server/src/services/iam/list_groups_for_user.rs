//! `ListGroupsForUser`: the groups of a user.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::descriptions::GroupDescription;
use super::page::{Cut, Page};
use super::{names, principals};
use crate::identities::{EntityKey, Group, User};
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct ListGroupsForUser;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    user_name: Option<String>,
    #[serde(default)]
    marker: Option<String>,
    #[serde(default)]
    max_items: Option<i64>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    groups: Vec<GroupDescription>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

impl Operation for ListGroupsForUser {
    const NAME: &'static str = "ListGroupsForUser";
    const IAM_ACTION: &'static str = "iam:ListGroupsForUser";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("user", input.user_name.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let page = Page::parse(input.marker.as_deref(), input.max_items)?;
        let name = names::user(input.user_name)?;
        let (snapshot, account) = (context.identities.snapshot(), &context.identity.account);
        let user = principals::existing::<User>(&snapshot, account, &name)?;
        let names = user.groups.iter();
        let groups = names.filter_map(|name| snapshot.get::<Group>(&EntityKey::new(account, name)));
        let Cut { items, is_truncated, marker } = page.of(groups, |group| group.name.clone());
        let groups = items.into_iter().map(|group| GroupDescription::of(group)).collect();
        Ok(Output { groups, is_truncated, marker })
    }
}
