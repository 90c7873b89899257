//! `ListRolePolicies`: the names of the inline policies of a role.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::inline_policies::{self, NamesPage};
use super::names;
use super::page::Page;
use crate::identities::Role;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct ListRolePolicies;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    role_name: Option<String>,
    #[serde(default)]
    marker: Option<String>,
    #[serde(default)]
    max_items: Option<i64>,
}

impl Operation for ListRolePolicies {
    const NAME: &'static str = "ListRolePolicies";
    const IAM_ACTION: &'static str = "iam:ListRolePolicies";
    type Input = Input;
    type Output = NamesPage;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("role", input.role_name.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<NamesPage, AwsError> {
        let page = Page::parse(input.marker.as_deref(), input.max_items)?;
        inline_policies::list::<Role>(context, &names::role(input.role_name)?, &page)
    }
}
