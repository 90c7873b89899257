//! `TagRole`: adds tags to a role; the same key overwrites.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::tags;
use super::{names, principals};
use crate::identities::Role;
use crate::services::tag::{self, TagList};
use crate::services::{Context, InputKeys, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct TagRole;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    role_name: Option<String>,
    #[serde(default)]
    tags: TagList,
}

impl Operation for TagRole {
    const NAME: &'static str = "TagRole";
    const IAM_ACTION: &'static str = "iam:TagRole";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("role", input.role_name.clone())
    }

    fn keys(input: &Input) -> InputKeys {
        InputKeys::default().with_tags(&tag::given(&input.tags))
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let name = names::role(input.role_name)?;
        principals::update(context, name, move |role: &mut Role, _, _| {
            tags::merge(&mut role.tags, &input.tags)
        })
        .await?;
        Ok(NoOutput {})
    }
}
