//! `ListAttachedRolePolicies`: the managed policies that are attached to a role.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::attachments::{self, AttachedPage};
use super::names;
use super::page::Page;
use crate::identities::Role;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct ListAttachedRolePolicies;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    role_name: Option<String>,
    #[serde(default)]
    path_prefix: Option<String>,
    #[serde(default)]
    marker: Option<String>,
    #[serde(default)]
    max_items: Option<i64>,
}

impl Operation for ListAttachedRolePolicies {
    const NAME: &'static str = "ListAttachedRolePolicies";
    const IAM_ACTION: &'static str = "iam:ListAttachedRolePolicies";
    type Input = Input;
    type Output = AttachedPage;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("role", input.role_name.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<AttachedPage, AwsError> {
        let page = Page::parse(input.marker.as_deref(), input.max_items)?;
        let name = names::role(input.role_name)?;
        attachments::list::<Role>(context, &name, input.path_prefix, &page)
    }
}
