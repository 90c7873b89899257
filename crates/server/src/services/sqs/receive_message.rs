//! `ReceiveMessage` (contract §2.10): takes messages out of sight for a while.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::existing_queue;
use super::limits::{Limits, RECEIVE_WAIT};
use super::new_message::check_identifier;
use super::received_message::{ReceivedMessage, View};
use super::secure_access;
use super::sse_kms;
use crate::audit::EventCategory;
use crate::broker::{Queue, QueueKind, ReceiveOptions};
use crate::services::{Context, Operation, Resource};

/// Messages returned when the request does not say.
const COUNT_DEFAULT: u32 = 1;

/// The operation.
pub(super) struct ReceiveMessage;

/// Request.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    queue_url: Option<String>,
    #[serde(default)]
    attribute_names: Option<Vec<String>>,
    #[serde(default)]
    message_system_attribute_names: Option<Vec<String>>,
    #[serde(default)]
    message_attribute_names: Option<Vec<String>>,
    #[serde(default)]
    max_number_of_messages: Option<i64>,
    #[serde(default)]
    visibility_timeout: Option<i64>,
    #[serde(default)]
    wait_time_seconds: Option<i64>,
    #[serde(default)]
    receive_request_attempt_id: Option<String>,
}

/// Answer of `ReceiveMessage` and `PeekMessages`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) messages: Vec<ReceivedMessage>,
}

impl Operation for ReceiveMessage {
    const NAME: &'static str = "ReceiveMessage";
    const IAM_ACTION: &'static str = "sqs:ReceiveMessage";
    const EVENT_CATEGORY: EventCategory = EventCategory::Data;
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        Resource::QueueUrl(input.queue_url.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let queue = existing_queue::resolve(context, input.queue_url.as_deref()).await?;
        secure_access::check(context, &queue)?;
        let options = options(&queue, &input, &context.extensions.sqs_limits)?;
        let view = view(input)?;
        let received = sse_kms::receive(context, &queue, options).await?;
        let shown = received.into_iter().map(|message| view.show(queue.kind, message));
        Ok(Output { messages: shown.collect() })
    }
}

/// Checks the parameters and fills in the queue's defaults.
fn options(queue: &Queue, input: &Input, limits: &Limits) -> Result<ReceiveOptions, AwsError> {
    let mut options = ReceiveOptions {
        count_max: limits.receive_count().check_or(input.max_number_of_messages, COUNT_DEFAULT)?,
        wait_secs: RECEIVE_WAIT
            .check_or(input.wait_time_seconds, queue.attributes.receive_wait_secs)?,
        visibility_timeout_secs: limits
            .receive_visibility_timeout()
            .check_or(input.visibility_timeout, queue.attributes.visibility_timeout_secs)?,
        attempt_id: None,
    };
    // Standard queues accept the attempt id, whatever it is, and ignore it.
    if queue.kind == QueueKind::Fifo {
        let attempt_id = input.receive_request_attempt_id.as_deref();
        check_identifier("ReceiveRequestAttemptId", attempt_id)?;
        options.attempt_id = attempt_id.map(str::to_owned);
    }
    Ok(options)
}

fn view(input: Input) -> Result<View, AwsError> {
    let mut system_names = input.attribute_names.unwrap_or_default();
    system_names.extend(input.message_system_attribute_names.unwrap_or_default());
    View::parse(&system_names, &input.message_attribute_names.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    fn refusal(input: Input) -> String {
        let queue = fixture::queue("q", QueueKind::Standard);
        let error = options(&queue, &input, &Limits::SQS).map(|_| ()).expect_err("refused");
        error.message().to_owned()
    }

    #[test]
    fn the_queue_has_the_defaults() {
        let mut queue = fixture::queue("q", QueueKind::Standard);
        queue.attributes.receive_wait_secs = 20;
        let defaults = options(&queue, &Input::default(), &Limits::SQS).expect("valid");
        assert_eq!(defaults.count_max, 1);
        assert_eq!(defaults.wait_secs, 20);
        assert_eq!(defaults.visibility_timeout_secs, 30);
        let explicit = Input {
            wait_time_seconds: Some(0),
            visibility_timeout: Some(0),
            receive_request_attempt_id: Some("not checked here".to_owned()),
            ..Input::default()
        };
        let explicit = options(&queue, &explicit, &Limits::SQS).expect("valid");
        assert_eq!(explicit.wait_secs, 0);
        assert_eq!(explicit.visibility_timeout_secs, 0);
    }

    #[test]
    fn parameters_have_ranges() {
        assert_eq!(
            refusal(Input { max_number_of_messages: Some(11), ..Input::default() }),
            "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and \
             10, if provided."
        );
        for wait in [21, -1] {
            assert_eq!(
                refusal(Input { wait_time_seconds: Some(wait), ..Input::default() }),
                format!(
                    "Value {wait} for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 \
                     and <= 20, if provided."
                )
            );
        }
        assert_eq!(
            refusal(Input { visibility_timeout: Some(43_201), ..Input::default() }),
            "Value 43201 for parameter VisibilityTimeout is invalid. Reason: Must be >= 0 and <= \
             43200, if provided."
        );
    }

    #[test]
    fn both_lists_of_system_attribute_names_count() {
        let input = Input {
            attribute_names: Some(vec!["SenderId".to_owned()]),
            message_system_attribute_names: Some(vec!["All".to_owned()]),
            ..Input::default()
        };
        assert!(view(input).is_ok());
    }
}
