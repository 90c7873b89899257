//! `CancelMessageMoveTask` (contract §7): stops a running task. What it has moved stays moved.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::errors;
use super::existing_queue;
use super::start_message_move_task::MOVING;
use super::task_handle::TaskHandle;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct CancelMessageMoveTask;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    task_handle: Option<String>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    approximate_number_of_messages_moved: u64,
}

impl Operation for CancelMessageMoveTask {
    const NAME: &'static str = "CancelMessageMoveTask";
    const IAM_ACTION: &'static str = "sqs:CancelMessageMoveTask";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        let handle = input.task_handle.as_deref().map(TaskHandle::parse);
        Resource::QueueArn(handle.and_then(Result::ok).map(|handle| handle.source_arn))
    }

    fn also_needs(input: &Input) -> Vec<(&'static str, Resource)> {
        MOVING.map(|action| (action, Self::resource(input))).into()
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let text = input.task_handle.filter(|text| !text.is_empty());
        let text = text.ok_or_else(|| errors::missing_parameter("TaskHandle"))?;
        let handle = TaskHandle::parse(&text)?;
        let source = existing_queue::resolve_arn(context, "SourceArn", Some(handle.source_arn))?;
        let moved = context.broker.cancel_move(&source.key, handle.task_id).await?;
        Ok(Output { approximate_number_of_messages_moved: moved })
    }
}
