//! `ListRoles`: the roles of the account, by name.

use serde::Serialize;
use sluice_wire::AwsError;

use super::descriptions::{Detail, RoleDescription};
use super::page::Cut;
use super::principals::{self, Listing};
use crate::identities::Role;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct ListRoles;

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
    type Input = Listing;
    type Output = Output;

    fn resource(_: &Listing) -> Resource {
        Resource::Account
    }

    async fn run(context: &Context, input: Listing) -> Result<Output, AwsError> {
        let Cut { items, is_truncated, marker } = principals::list::<Role>(context, input)?;
        let roles = items.iter().map(|it| RoleDescription::of(it, Detail::Listed)).collect();
        Ok(Output { roles, is_truncated, marker })
    }
}
