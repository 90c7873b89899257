//! `DeleteMessageBatch` (contract §2.11): removes up to ten received messages.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::batch::{self, BatchEntry, BatchOutput};
use super::delete_message::judge;
use super::existing_queue;
use super::receipt;
use crate::audit::EventCategory;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct DeleteMessageBatch;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    queue_url: Option<String>,
    #[serde(default)]
    entries: Option<Vec<Entry>>,
}

/// One receipt handle of the request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    receipt_handle: Option<String>,
}

/// One message that was deleted.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeletedEntry {
    id: String,
}

impl BatchEntry for Entry {
    const NAME: &'static str = "DeleteMessageBatchRequestEntry";

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

impl Operation for DeleteMessageBatch {
    const NAME: &'static str = "DeleteMessageBatch";
    const IAM_ACTION: &'static str = "sqs:DeleteMessage";
    const EVENT_CATEGORY: EventCategory = EventCategory::Data;
    type Input = Input;
    type Output = BatchOutput<DeletedEntry>;

    fn resource(input: &Input) -> Resource {
        Resource::QueueUrl(input.queue_url.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<BatchOutput<DeletedEntry>, AwsError> {
        let queue = existing_queue::resolve(context, input.queue_url.as_deref()).await?;
        let entries = batch::check(input.entries, &context.extensions.sqs_limits)?;
        let (receipts, pending) = batch::read(entries, |entry| {
            let text = receipt::given(entry.entry.receipt_handle.as_deref())
                .ok_or_else(|| entry.missing("ReceiptHandle"))?;
            Ok((receipt::parse(&context.broker, &queue, text)?, text.to_owned()))
        });
        let outcomes = context.broker.delete(&queue, receipts).await?;
        Ok(pending.answer(outcomes, |id, receipt_handle, outcome| {
            judge(outcome, &receipt_handle)?;
            Ok(DeletedEntry { id })
        }))
    }
}
