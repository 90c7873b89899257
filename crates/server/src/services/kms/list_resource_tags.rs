//! `ListResourceTags`: the tags of a key.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::named_key;
use super::page::{self, More};
use super::tags::Tag;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct ListResourceTags;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    key_id: Option<String>,
    #[serde(default)]
    limit: Option<i64>,
    #[serde(default)]
    marker: Option<String>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    tags: Vec<Tag>,
    #[serde(flatten)]
    more: More,
}

impl Operation for ListResourceTags {
    const NAME: &'static str = "ListResourceTags";
    const IAM_ACTION: &'static str = "kms:ListResourceTags";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        named_key::resource(&input.key_id)
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let key = named_key::found_by_id(context, &input.key_id)?;
        let page = page::parse(input.limit, input.marker.as_deref())?;
        let cut = page.of(key.tags.iter(), |(key, _)| (*key).clone());
        let (tags, more) =
            page::cut(cut, |(key, value)| Tag { tag_key: key.clone(), tag_value: value.clone() });
        Ok(Output { tags, more })
    }
}
