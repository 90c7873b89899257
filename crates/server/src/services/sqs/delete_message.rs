//! `DeleteMessage` (contract §2.11): removes a received message for good.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::errors;
use super::existing_queue;
use super::receipt;
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
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::QueueUrl(input.queue_url.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let queue = existing_queue::resolve(context, input.queue_url.as_deref())?;
        let text = receipt::given(input.receipt_handle.as_deref())
            .ok_or_else(|| errors::missing_parameter("ReceiptHandle"))?;
        let receipt = receipt::parse(&context.broker, &queue, text)?;
        context.broker.delete(&queue, vec![receipt]).await?;
        Ok(NoOutput {})
    }
}
