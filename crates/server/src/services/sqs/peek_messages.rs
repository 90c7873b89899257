//! `PeekMessages`: looks at messages without receiving them. Not an AWS operation.

use serde::Deserialize;
use sluice_wire::{AwsError, framework};

use super::existing_queue;
use super::receive_message::Output;
use super::received_message::View;
use super::secure_access;
use super::sse_kms;
use crate::audit::EventCategory;
use crate::services::{Context, Operation, Resource, Switch};

/// Messages shown when the request does not say.
const COUNT_DEFAULT: u32 = 10;

/// The operation.
pub(super) struct PeekMessages;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    queue_url: Option<String>,
    #[serde(default)]
    max_number_of_messages: Option<i64>,
}

impl Operation for PeekMessages {
    const NAME: &'static str = "PeekMessages";
    const IAM_ACTION: &'static str = "sqs:ReceiveMessage";
    const EVENT_CATEGORY: EventCategory = EventCategory::Data;
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        Resource::QueueUrl(input.queue_url.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        match context.extensions.peek {
            Switch::On => {}
            Switch::Off => return Err(unknown_operation()),
        }
        let queue = existing_queue::resolve(context, input.queue_url.as_deref()).await?;
        secure_access::check(context, &queue)?;
        let limits = &context.extensions.sqs_limits;
        let count_max =
            limits.receive_count().check_or(input.max_number_of_messages, COUNT_DEFAULT)?;
        let view = View::all();
        let received = sse_kms::peek(context, &queue, count_max).await?;
        let show = |message| view.show_without_receipt(queue.kind, message);
        Ok(Output { messages: received.into_iter().map(show).collect() })
    }
}

/// What an operation that does not exist is refused with, in either protocol.
fn unknown_operation() -> AwsError {
    AwsError::new(&framework::UNKNOWN_OPERATION, "the service has no such operation")
        .with_query_message("The action PeekMessages is not valid for this endpoint.")
}
