//! `ListAttachedUserPolicies`: the managed policies that are attached to a user.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::attachments::{self, AttachedPage};
use super::names;
use super::page::Page;
use crate::identities::User;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct ListAttachedUserPolicies;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    user_name: Option<String>,
    #[serde(default)]
    path_prefix: Option<String>,
    #[serde(default)]
    marker: Option<String>,
    #[serde(default)]
    max_items: Option<i64>,
}

impl Operation for ListAttachedUserPolicies {
    const NAME: &'static str = "ListAttachedUserPolicies";
    const IAM_ACTION: &'static str = "iam:ListAttachedUserPolicies";
    type Input = Input;
    type Output = AttachedPage;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("user", input.user_name.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<AttachedPage, AwsError> {
        let page = Page::parse(input.marker.as_deref(), input.max_items)?;
        let name = names::user(input.user_name)?;
        attachments::list::<User>(context, &name, input.path_prefix, &page)
    }
}
