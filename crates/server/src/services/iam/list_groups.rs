//! `ListGroups`: the groups of the account, by name.

use serde::Serialize;
use sluice_wire::AwsError;

use super::descriptions::GroupDescription;
use super::page::Cut;
use super::principals::{self, Listing};
use crate::identities::Group;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct ListGroups;

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    groups: Vec<GroupDescription>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

impl Operation for ListGroups {
    const NAME: &'static str = "ListGroups";
    const IAM_ACTION: &'static str = "iam:ListGroups";
    type Input = Listing;
    type Output = Output;

    fn resource(_: &Listing) -> Resource {
        Resource::Account
    }

    async fn run(context: &Context, input: Listing) -> Result<Output, AwsError> {
        let Cut { items, is_truncated, marker } = principals::list::<Group>(context, input)?;
        let groups = items.iter().map(|it| GroupDescription::of(it)).collect();
        Ok(Output { groups, is_truncated, marker })
    }
}
