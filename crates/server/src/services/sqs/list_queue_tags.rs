//! `ListQueueTags` (contract §2.13): the tags of a queue.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::existing_queue;
use super::tags::Tags;
use crate::audit::EventCategory;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct ListQueueTags;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    queue_url: Option<String>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    #[serde(skip_serializing_if = "Tags::is_empty")]
    tags: Tags,
}

impl Operation for ListQueueTags {
    const NAME: &'static str = "ListQueueTags";
    const IAM_ACTION: &'static str = "sqs:ListQueueTags";
    const EVENT_CATEGORY: EventCategory = EventCategory::Data;
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        Resource::QueueUrl(input.queue_url.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let queue = existing_queue::resolve(context, input.queue_url.as_deref()).await?;
        Ok(Output { tags: queue.tags.clone() })
    }
}
