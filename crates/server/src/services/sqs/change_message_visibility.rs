//! `ChangeMessageVisibility` (contract §2.12): hides a received message for another time, or shows it.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::errors;
use super::existing_queue;
use super::limits::Limits;
use super::receipt;
use crate::audit::EventCategory;
use crate::broker::VisibilityOutcome;
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct ChangeMessageVisibility;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    queue_url: Option<String>,
    #[serde(default)]
    receipt_handle: Option<String>,
    #[serde(default)]
    visibility_timeout: Option<i64>,
}

impl Operation for ChangeMessageVisibility {
    const NAME: &'static str = "ChangeMessageVisibility";
    const IAM_ACTION: &'static str = "sqs:ChangeMessageVisibility";
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
        let secs = input
            .visibility_timeout
            .ok_or_else(|| errors::missing_parameter("VisibilityTimeout"))?;
        let limits = &context.extensions.sqs_limits;
        let secs = limits.change_visibility_timeout().check(secs)?;
        let receipt = receipt::parse(&context.broker, &queue, text)?;
        let outcomes = context.broker.change_visibility(&queue, vec![(receipt, secs)]).await?;
        let outcome = outcomes.into_iter().next().expect("the broker answers every change");
        judge(&outcome, text, secs, limits)?;
        Ok(NoOutput {})
    }
}

/// Turns what the broker did into success or refusal.
///
/// # Errors
/// `InvalidParameterValue` when the message is gone or the total would be too long.
pub(super) fn judge(
    outcome: &VisibilityOutcome,
    receipt_handle: &str,
    secs: u32,
    limits: &Limits,
) -> Result<(), AwsError> {
    match outcome {
        VisibilityOutcome::Changed => Ok(()),
        VisibilityOutcome::Gone => Err(errors::invalid_value(
            receipt_handle,
            "ReceiptHandle",
            "Message does not exist or is not available for visibility timeout change.",
        )),
        VisibilityOutcome::Expired => Err(errors::receipt_handle_expired(receipt_handle)),
        VisibilityOutcome::BeyondLimit => Err(errors::invalid_value(
            secs,
            "VisibilityTimeout",
            &format!(
                "Total VisibilityTimeout for the message is beyond the limit [{} seconds]",
                limits.visibility_timeout_secs_max
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_read_as_aws_words_them() {
        let text = |outcome| {
            judge(&outcome, "H", 43_200, &Limits::SQS).map_err(|e| e.message().to_owned())
        };
        assert_eq!(text(VisibilityOutcome::Changed), Ok(()));
        assert_eq!(
            text(VisibilityOutcome::Gone),
            Err("Value H for parameter ReceiptHandle is invalid. Reason: Message does not exist \
                 or is not available for visibility timeout change."
                .to_owned())
        );
        assert_eq!(
            text(VisibilityOutcome::BeyondLimit),
            Err("Value 43200 for parameter VisibilityTimeout is invalid. Reason: Total \
                 VisibilityTimeout for the message is beyond the limit [43200 seconds]"
                .to_owned())
        );
    }
}
