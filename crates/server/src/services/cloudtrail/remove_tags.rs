//! `RemoveTags`: removes tags from a trail.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::tag_list::{self, TagList};
use super::tagged;
use crate::services::{Context, InputKeys, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct RemoveTags;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    resource_id: Option<String>,
    #[serde(default)]
    tags_list: Option<TagList>,
}

impl Operation for RemoveTags {
    const NAME: &'static str = "RemoveTags";
    const IAM_ACTION: &'static str = "cloudtrail:RemoveTags";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::Members;

    fn resource(input: &Input) -> Resource {
        Resource::Trail(input.resource_id.clone())
    }

    fn keys(input: &Input) -> InputKeys {
        InputKeys::default().with_tags(&tag_list::given(input.tags_list.as_ref()))
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let tags = input.tags_list.unwrap_or_default();
        tagged::update(context, input.resource_id, move |held| {
            tag_list::remove(held, &tags);
            Ok(())
        })
        .await
    }
}
