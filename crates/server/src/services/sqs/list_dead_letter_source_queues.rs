//! `ListDeadLetterSourceQueues` (contract §2.15): the URLs of the queues whose dead-letter queue this is, by name.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::existing_queue;
use super::queue_page::QueuePage;
use crate::audit::EventCategory;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct ListDeadLetterSourceQueues;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    queue_url: Option<String>,
    #[serde(default)]
    max_results: Option<i64>,
    #[serde(default)]
    next_token: Option<String>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    /// The only list of queue URLs that AWS spells with a small letter.
    #[serde(rename = "queueUrls", skip_serializing_if = "Vec::is_empty")]
    queue_urls: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl Operation for ListDeadLetterSourceQueues {
    const NAME: &'static str = "ListDeadLetterSourceQueues";
    const IAM_ACTION: &'static str = "sqs:ListDeadLetterSourceQueues";
    const EVENT_CATEGORY: EventCategory = EventCategory::Data;
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        Resource::QueueUrl(input.queue_url.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let target = existing_queue::resolve(context, input.queue_url.as_deref()).await?;
        let page = QueuePage::parse(input.max_results, input.next_token.as_deref())?;
        let sources = context.broker.list_where(
            &target.key.account,
            &target.key.region,
            "",
            page.after(),
            page.fetch_max(),
            |queue| queue.is_source_of(&target.key),
        );
        let (queue_urls, next_token) = page.answer(context, sources);
        Ok(Output { queue_urls, next_token })
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use crate::broker::{QueueKind, Redrive};

    #[test]
    fn sources_are_the_queues_whose_redrive_policy_names_the_target() {
        let target = fixture::key("dlq");
        let mut queue = fixture::queue("q", QueueKind::Standard);
        assert!(!queue.is_source_of(&target));
        let to = |target| Some(Redrive { target, receives_max: 1 });
        queue.attributes.redrive_policy = to(target.clone());
        assert!(queue.is_source_of(&target));
        queue.attributes.redrive_policy = to(fixture::key("dlq2"));
        assert!(!queue.is_source_of(&target));
    }
}
