//! `GetQueueUrl` (contract §2.2): finds a queue by its name.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::existing_queue;
use super::queue_name;
use super::queue_url::{self, Caller};
use crate::audit::EventCategory;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct GetQueueUrl;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    queue_name: Option<String>,
    #[serde(default, rename = "QueueOwnerAWSAccountId")]
    queue_owner_account: Option<String>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    queue_url: String,
}

impl Operation for GetQueueUrl {
    const NAME: &'static str = "GetQueueUrl";
    const IAM_ACTION: &'static str = "sqs:GetQueueUrl";
    const EVENT_CATEGORY: EventCategory = EventCategory::Data;
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        Resource::QueueName {
            name: input.queue_name.clone(),
            owner: input.queue_owner_account.clone(),
        }
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let name = input.queue_name.as_deref().filter(|name| !name.is_empty());
        let name = queue_name::given(name)?;
        let key = Caller::of(context).key_of(input.queue_owner_account.as_deref(), name);
        let queue = existing_queue::find(context, &key).await?;
        Ok(Output { queue_url: queue_url::build(context, &queue.key) })
    }
}
