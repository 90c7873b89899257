//! `TagResource`: a key gets tags.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::tags::{self, Tag};
use super::{errors, named_key};
use crate::keys::{Key, Keys};
use crate::services::{Context, InputKeys, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct TagResource;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    key_id: Option<String>,
    #[serde(default)]
    tags: Option<Vec<Tag>>,
}

impl Operation for TagResource {
    const NAME: &'static str = "TagResource";
    const IAM_ACTION: &'static str = "kms:TagResource";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        named_key::resource(&input.key_id)
    }

    fn keys(input: &Input) -> InputKeys {
        InputKeys::default().with_tags(&tags::given(input.tags.as_ref()))
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let constraints = named_key::constraints(&input.key_id);
        errors::check(constraints.given("tags", input.tags.as_ref()))?;
        let change = |_: &Keys, key: &mut Key, _: u64| {
            key.check_kept()?;
            tags::merge(&mut key.tags, &input.tags.unwrap_or_default())?;
            Ok(NoOutput {})
        };
        named_key::change(context, &input.key_id, change).await
    }
}
