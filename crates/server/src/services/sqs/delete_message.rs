//! `DeleteMessage` (contract §2.11): removes a received message for good.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::errors;
use super::existing_queue;
use super::receipt;
use crate::audit::EventCategory;
use crate::broker::DeleteOutcome;
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct DeleteMessage;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    queue_url: Option<String>,
    #[serde(default)]
    receipt_handle: Option<String>,
}

impl Operation for DeleteMessage {
    const NAME: &'static str = "DeleteMessage";
    const IAM_ACTION: &'static str = "sqs:DeleteMessage";
    const EVENT_CATEGORY: EventCategory = EventCategory::Data;
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::QueueUrl(input.queue_url.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let queue = existing_queue::resolve(context, input.queue_url.as_deref()).await?;
        let text = receipt::given(input.receipt_handle.as_deref())
            .ok_or_else(|| errors::missing_parameter("ReceiptHandle"))?;
        let receipt = receipt::parse(&context.broker, &queue, text)?;
        let outcomes = context.broker.delete(&queue, vec![receipt]).await?;
        let outcome = outcomes.into_iter().next().expect("the broker answers every delete");
        judge(outcome, text)?;
        Ok(NoOutput {})
    }
}

/// Turns what the broker did into success or refusal.
///
/// # Errors
/// `InvalidParameterValue` when the handle of a FIFO message has expired.
pub(super) fn judge(outcome: DeleteOutcome, receipt_handle: &str) -> Result<(), AwsError> {
    match outcome {
        DeleteOutcome::Deleted | DeleteOutcome::Gone => Ok(()),
        DeleteOutcome::Expired => Err(errors::receipt_handle_expired(receipt_handle)),
    }
}
