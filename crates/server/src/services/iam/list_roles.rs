//! `ListRoles`: the roles of the account, by name.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::descriptions::{Detail, RoleDescription};
use super::names;
use super::page::{Cut, Page};
use crate::identities::Role;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct ListRoles;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    path_prefix: Option<String>,
    #[serde(default)]
    marker: Option<String>,
    #[serde(default)]
    max_items: Option<i64>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    roles: Vec<RoleDescription>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

impl Operation for ListRoles {
    const NAME: &'static str = "ListRoles";
    const IAM_ACTION: &'static str = "iam:ListRoles";
    type Input = Input;
    type Output = Output;

    fn resource(_: &Input) -> Resource {
        Resource::Account
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let page = Page::parse(input.marker.as_deref(), input.max_items)?;
        let prefix = names::path_prefix(input.path_prefix)?;
        let snapshot = context.identities.snapshot();
        let all = snapshot.of_account::<Role>(&context.identity.account);
        let listed = all.filter(|it| it.path.starts_with(&prefix));
        let Cut { items, is_truncated, marker } =
            page.of(listed, |it| it.name.to_ascii_lowercase());
        let roles = items.into_iter().map(|it| RoleDescription::of(it, Detail::Listed)).collect();
        Ok(Output { roles, is_truncated, marker })
    }
}
