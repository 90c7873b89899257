//! `ListGroupPolicies`: the names of the inline policies of a group.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::inline_policies::{self, NamesPage};
use super::names;
use super::page::Page;
use crate::identities::Group;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct ListGroupPolicies;

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

impl Operation for ListGroupPolicies {
    const NAME: &'static str = "ListGroupPolicies";
    const IAM_ACTION: &'static str = "iam:ListGroupPolicies";
    type Input = Input;
    type Output = NamesPage;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("group", input.group_name.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<NamesPage, AwsError> {
        let page = Page::parse(input.marker.as_deref(), input.max_items)?;
        inline_policies::list::<Group>(context, &names::group(input.group_name)?, &page)
    }
}
