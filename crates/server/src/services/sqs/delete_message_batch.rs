//! `DeleteMessageBatch` (contract §2.11): removes up to ten received messages.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::batch::{self, BatchEntry, BatchOutput, Checked};
use super::delete_message::judge;
use super::existing_queue;
use super::receipt;
use crate::broker::{Broker, Queue, Receipt};
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
    type Input = Input;
    type Output = BatchOutput<DeletedEntry>;

    fn resource(input: &Input) -> Resource {
        Resource::QueueUrl(input.queue_url.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<BatchOutput<DeletedEntry>, AwsError> {
        let queue = existing_queue::resolve(context, input.queue_url.as_deref())?;
        let entries = batch::check(input.entries)?;
        let parsed: Vec<_> = entries
            .into_iter()
            .map(|entry| {
                let receipt = parse(&context.broker, &queue, &entry);
                (entry.id, entry.entry.receipt_handle.unwrap_or_default(), receipt)
            })
            .collect();
        let receipts: Vec<_> =
            parsed.iter().filter_map(|(_, _, receipt)| receipt.as_ref().ok().copied()).collect();
        let outcomes = if receipts.is_empty() {
            Vec::new()
        } else {
            context.broker.delete(&queue, receipts).await?
        };
        let mut outcomes = outcomes.into_iter();
        Ok(batch::answer(parsed.into_iter().map(|(id, text, receipt)| {
            let judged = receipt.and_then(|_| {
                let outcome = outcomes.next().expect("the broker answers every delete");
                judge(outcome, &text)
            });
            let success = judged.map(|()| DeletedEntry { id: id.clone() });
            (id, success)
        })))
    }
}

fn parse(broker: &Broker, queue: &Queue, entry: &Checked<Entry>) -> Result<Receipt, AwsError> {
    let text = receipt::given(entry.entry.receipt_handle.as_deref())
        .ok_or_else(|| entry.missing("ReceiptHandle"))?;
    receipt::parse(broker, queue, text)
}
