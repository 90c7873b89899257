//! `TagUser`: adds tags to a user; the same key overwrites.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::tags;
use super::{names, principals};
use crate::identities::User;
use crate::services::tag::{self, TagList};
use crate::services::{Context, InputKeys, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct TagUser;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    user_name: Option<String>,
    #[serde(default)]
    tags: TagList,
}

impl Operation for TagUser {
    const NAME: &'static str = "TagUser";
    const IAM_ACTION: &'static str = "iam:TagUser";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("user", input.user_name.clone())
    }

    fn keys(input: &Input) -> InputKeys {
        InputKeys::default().with_tags(&tag::given(&input.tags))
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let name = names::user(input.user_name)?;
        principals::update(context, name, move |user: &mut User, _, _| {
            tags::merge(&mut user.tags, &input.tags)
        })
        .await?;
        Ok(NoOutput {})
    }
}
