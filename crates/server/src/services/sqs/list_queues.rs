//! `ListQueues` (contract §2.3): the URLs of the caller's queues in a region, by name.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::queue_page::QueuePage;
use crate::audit::EventCategory;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct ListQueues;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    queue_name_prefix: Option<String>,
    #[serde(default)]
    max_results: Option<i64>,
    #[serde(default)]
    next_token: Option<String>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    queue_urls: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl Operation for ListQueues {
    const NAME: &'static str = "ListQueues";
    const IAM_ACTION: &'static str = "sqs:ListQueues";
    const EVENT_CATEGORY: EventCategory = EventCategory::Data;
    type Input = Input;
    type Output = Output;

    fn resource(_: &Input) -> Resource {
        Resource::Account
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let page = QueuePage::parse(input.max_results, input.next_token.as_deref())?;
        let queues = context.broker.list(
            &context.identity.account,
            &context.region,
            input.queue_name_prefix.as_deref().unwrap_or_default(),
            page.after(),
            page.fetch_max(),
        );
        let (queue_urls, next_token) = page.answer(context, queues);
        Ok(Output { queue_urls, next_token })
    }
}
