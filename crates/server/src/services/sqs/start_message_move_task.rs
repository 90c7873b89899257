//! `StartMessageMoveTask` (contract §7): moves the messages of a dead-letter queue back, or to another queue.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;
use uuid::Uuid;

use super::errors;
use super::existing_queue;
use super::limits::MOVE_RATE;
use super::task_handle::TaskHandle;
use crate::broker::{Queue, QueueKey};
use crate::services::{Context, Operation, Resource};

const DESTINATION: &str = "DestinationArn";

/// What moving messages out of a queue needs besides (contract §7.5).
pub(super) const MOVING: [&str; 3] =
    ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];

/// The operation.
pub(super) struct StartMessageMoveTask;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    source_arn: Option<String>,
    #[serde(default)]
    destination_arn: Option<String>,
    #[serde(default)]
    max_number_of_messages_per_second: Option<i64>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    task_handle: String,
}

impl Operation for StartMessageMoveTask {
    const NAME: &'static str = "StartMessageMoveTask";
    const IAM_ACTION: &'static str = "sqs:StartMessageMoveTask";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        Resource::QueueArn(input.source_arn.clone())
    }

    fn also_needs(input: &Input) -> Vec<(&'static str, Resource)> {
        let destination = input.destination_arn.clone().filter(|text| !text.is_empty());
        let send = destination.map(|arn| ("sqs:SendMessage", Resource::QueueArn(Some(arn))));
        let source = MOVING.map(|action| (action, Self::resource(input)));
        source.into_iter().chain(send).collect()
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let source = existing_queue::resolve_arn(context, "SourceArn", input.source_arn)?;
        let rate = input.max_number_of_messages_per_second;
        let per_second_max = rate.map(|rate| MOVE_RATE.check(rate)).transpose()?;
        if !is_dead_letter_queue(context, &source) {
            let text = "Source queue must be configured as a Dead Letter Queue.";
            return Err(errors::invalid_parameter(text));
        }
        let destination = match input.destination_arn.filter(|text| !text.is_empty()) {
            Some(text) => Some(destination(context, &source, text)?),
            // Its messages would go round for ever.
            None if source.is_source_of(&source.key) => {
                let text = "A queue that is its own dead-letter queue needs a destination.";
                return Err(errors::invalid_parameter(text));
            }
            None => None,
        };
        let task_id = Uuid::new_v4().to_string();
        let handle = TaskHandle { task_id: task_id.clone(), source_arn: source.key.arn() };
        let started = context.broker.start_move(task_id, &source, destination, per_second_max);
        started.await?;
        Ok(Output { task_handle: handle.text() })
    }
}

fn is_dead_letter_queue(context: &Context, queue: &Queue) -> bool {
    let key = &queue.key;
    let is_source = |source: &Queue| source.is_source_of(key);
    !context.broker.list_where(&key.account, &key.region, "", None, 1, is_source).is_empty()
}

/// Finds the destination. It is of the kind of the source, as a dead-letter queue is of its own sources.
fn destination(context: &Context, source: &Queue, arn: String) -> Result<QueueKey, AwsError> {
    let destination = existing_queue::resolve_arn(context, DESTINATION, Some(arn.clone()))?;
    if destination.kind != source.kind {
        let reason = "The destination must be same type of queue as the source.";
        return Err(errors::invalid_value(arn, DESTINATION, reason));
    }
    if destination.key == source.key {
        let reason = "The destination must not be the source.";
        return Err(errors::invalid_value(arn, DESTINATION, reason));
    }
    Ok(destination.key.clone())
}
