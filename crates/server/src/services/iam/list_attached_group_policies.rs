//! `ListAttachedGroupPolicies`: the managed policies that are attached to a group.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::attachments::{self, AttachedPage};
use super::names;
use super::page::Page;
use crate::identities::Group;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct ListAttachedGroupPolicies;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    group_name: Option<String>,
    #[serde(default)]
    path_prefix: Option<String>,
    #[serde(default)]
    marker: Option<String>,
    #[serde(default)]
    max_items: Option<i64>,
}

impl Operation for ListAttachedGroupPolicies {
    const NAME: &'static str = "ListAttachedGroupPolicies";
    const IAM_ACTION: &'static str = "iam:ListAttachedGroupPolicies";
    type Input = Input;
    type Output = AttachedPage;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("group", input.group_name.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<AttachedPage, AwsError> {
        let page = Page::parse(input.marker.as_deref(), input.max_items)?;
        let name = names::group(input.group_name)?;
        attachments::list::<Group>(context, &name, input.path_prefix, &page)
    }
}
