//! `ListUsers`: the users of the account, by name.

use serde::Serialize;
use sluice_wire::AwsError;

use super::descriptions::{Detail, UserDescription};
use super::page::Cut;
use super::principals::{self, Listing};
use crate::identities::User;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct ListUsers;

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    users: Vec<UserDescription>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

impl Operation for ListUsers {
    const NAME: &'static str = "ListUsers";
    const IAM_ACTION: &'static str = "iam:ListUsers";
    type Input = Listing;
    type Output = Output;

    fn resource(_: &Listing) -> Resource {
        Resource::Account
    }

    async fn run(context: &Context, input: Listing) -> Result<Output, AwsError> {
        let Cut { items, is_truncated, marker } = principals::list::<User>(context, input)?;
        let users = items.iter().map(|it| UserDescription::of(it, Detail::Listed)).collect();
        Ok(Output { users, is_truncated, marker })
    }
}
