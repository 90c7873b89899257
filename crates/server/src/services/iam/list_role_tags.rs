//! `ListRoleTags`: the tags of a role.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::page::{Cut, Page};
use super::tags;
use super::{names, principals};
use crate::identities::Role;
use crate::services::tag::Tag;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct ListRoleTags;

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

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    tags: Vec<Tag>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

impl Operation for ListRoleTags {
    const NAME: &'static str = "ListRoleTags";
    const IAM_ACTION: &'static str = "iam:ListRoleTags";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("role", input.role_name.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let page = Page::parse(input.marker.as_deref(), input.max_items)?;
        let role = principals::found::<Role>(context, &names::role(input.role_name)?)?;
        let listed = tags::list(&role.tags).into_iter();
        let Cut { items: tags, is_truncated, marker } = page.of(listed, Tag::sorted_by);
        Ok(Output { tags, is_truncated, marker })
    }
}
