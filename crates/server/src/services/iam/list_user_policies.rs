//! `ListUserPolicies`: the names of the inline policies of a user.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::inline_policies::{self, NamesPage};
use super::names;
use super::page::Page;
use crate::identities::User;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct ListUserPolicies;

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

impl Operation for ListUserPolicies {
    const NAME: &'static str = "ListUserPolicies";
    const IAM_ACTION: &'static str = "iam:ListUserPolicies";
    type Input = Input;
    type Output = NamesPage;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("user", input.user_name.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<NamesPage, AwsError> {
        let page = Page::parse(input.marker.as_deref(), input.max_items)?;
        inline_policies::list::<User>(context, &names::user(input.user_name)?, &page)
    }
}
