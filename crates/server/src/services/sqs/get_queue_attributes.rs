//! `GetQueueAttributes` (contract §2.4): settings and counters of a queue.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::existing_queue;
use super::queue_attributes::Wanted;
use crate::audit::EventCategory;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct GetQueueAttributes;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    queue_url: Option<String>,
    #[serde(default)]
    attribute_names: Option<Vec<String>>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<&'static str, String>,
}

impl Operation for GetQueueAttributes {
    const NAME: &'static str = "GetQueueAttributes";
    const IAM_ACTION: &'static str = "sqs:GetQueueAttributes";
    const EVENT_CATEGORY: EventCategory = EventCategory::Data;
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        Resource::QueueUrl(input.queue_url.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let queue = existing_queue::resolve(context, input.queue_url.as_deref()).await?;
        let wanted = Wanted::parse(&input.attribute_names.unwrap_or_default())?;
        let counters =
            if wanted.has_counters() { Some(context.broker.counters(&queue).await?) } else { None };
        Ok(Output { attributes: wanted.report(&queue, counters.as_ref()) })
    }
}
