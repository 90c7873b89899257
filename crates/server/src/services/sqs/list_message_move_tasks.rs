//! `ListMessageMoveTasks` (contract §7): the move tasks of a dead-letter queue, newest first.

use serde::{Deserialize, Serialize};
use sluice_wire::{AwsError, framework};

use super::errors::QUEUE_DOES_NOT_EXIST;
use super::existing_queue;
use super::limits::MOVE_TASKS;
use super::task_handle::TaskHandle;
use crate::broker::{MoveFailure, MoveStatus, MoveTask, QueueKey};
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct ListMessageMoveTasks;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    source_arn: Option<String>,
    #[serde(default)]
    max_results: Option<i64>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    results: Vec<Entry>,
}

/// One task.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    #[serde(skip_serializing_if = "Option::is_none")]
    task_handle: Option<String>,
    status: &'static str,
    source_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_number_of_messages_per_second: Option<u32>,
    approximate_number_of_messages_moved: u64,
    approximate_number_of_messages_to_move: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<&'static str>,
    started_timestamp: u64,
}

impl Operation for ListMessageMoveTasks {
    const NAME: &'static str = "ListMessageMoveTasks";
    const IAM_ACTION: &'static str = "sqs:ListMessageMoveTasks";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        Resource::QueueArn(input.source_arn.clone())
    }

    fn also_needs(input: &Input) -> Vec<(&'static str, Resource)> {
        vec![("sqs:GetQueueAttributes", Self::resource(input))]
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let source = existing_queue::resolve_arn(context, "SourceArn", input.source_arn)?;
        let count_max = MOVE_TASKS.check_or(input.max_results, 1)? as usize;
        let tasks = context.broker.moves(&source.key).await?;
        Ok(Output { results: tasks.into_iter().take(count_max).map(entry).collect() })
    }
}

/// Writes a task as clients see it. Its handle serves to cancel it, so only a running task shows one.
fn entry(task: MoveTask) -> Entry {
    let source_arn = task.source.arn();
    let (status, failure_reason) = status(task.status);
    let handle = TaskHandle { task_id: task.id, source_arn: source_arn.clone() };
    Entry {
        task_handle: (task.status == MoveStatus::Running).then(|| handle.text()),
        status,
        source_arn,
        destination_arn: task.destination.as_ref().map(QueueKey::arn),
        max_number_of_messages_per_second: task.per_second_max,
        approximate_number_of_messages_moved: task.moved,
        approximate_number_of_messages_to_move: task.to_move,
        failure_reason,
        started_timestamp: task.started_at_ms,
    }
}

fn status(status: MoveStatus) -> (&'static str, Option<&'static str>) {
    match status {
        MoveStatus::Running => ("RUNNING", None),
        MoveStatus::Completed => ("COMPLETED", None),
        MoveStatus::Cancelling => ("CANCELLING", None),
        MoveStatus::Cancelled => ("CANCELLED", None),
        MoveStatus::Failed(failure) => ("FAILED", Some(reason(failure))),
    }
}

/// `FailureReason` is an error code.
fn reason(failure: MoveFailure) -> &'static str {
    match failure {
        MoveFailure::DestinationGone => QUEUE_DOES_NOT_EXIST.query_code,
        MoveFailure::SourceUnknown => "CouldNotDetermineMessageSource",
        MoveFailure::TimedOut => "TaskTimedOut",
        MoveFailure::Unreadable => framework::INTERNAL_FAILURE.query_code,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, NOW_MS};
    use super::*;

    fn task(status: MoveStatus) -> MoveTask {
        MoveTask {
            id: "8a2c".to_owned(),
            source: fixture::key("dlq"),
            destination: None,
            per_second_max: None,
            status,
            moved: 2,
            to_move: 10,
            started_at_ms: NOW_MS,
        }
    }

    fn json(task: MoveTask) -> serde_json::Value {
        serde_json::to_value(entry(task)).expect("entries are JSON")
    }

    #[test]
    fn only_a_running_task_shows_its_handle() {
        let running = json(task(MoveStatus::Running));
        let handle = running["TaskHandle"].as_str().map(TaskHandle::parse);
        let handle = handle.and_then(Result::ok).expect("a handle");
        assert_eq!(handle.task_id, "8a2c");
        assert_eq!(handle.source_arn, fixture::key("dlq").arn());
        for (status, text) in [
            (MoveStatus::Completed, "COMPLETED"),
            (MoveStatus::Cancelling, "CANCELLING"),
            (MoveStatus::Cancelled, "CANCELLED"),
        ] {
            let expected = serde_json::json!({
                "Status": text,
                "SourceArn": fixture::key("dlq").arn(),
                "ApproximateNumberOfMessagesMoved": 2,
                "ApproximateNumberOfMessagesToMove": 10,
                "StartedTimestamp": NOW_MS,
            });
            assert_eq!(json(task(status)), expected);
        }
    }

    #[test]
    fn a_failed_task_gives_an_error_code_as_its_reason() {
        for (failure, code) in [
            (MoveFailure::DestinationGone, "AWS.SimpleQueueService.NonExistentQueue"),
            (MoveFailure::SourceUnknown, "CouldNotDetermineMessageSource"),
            (MoveFailure::TimedOut, "TaskTimedOut"),
            (MoveFailure::Unreadable, "InternalFailure"),
        ] {
            let failed = json(task(MoveStatus::Failed(failure)));
            assert_eq!(failed["Status"], "FAILED");
            assert_eq!(failed["FailureReason"], code);
        }
    }

    #[test]
    fn destination_and_rate_are_shown_when_they_were_given() {
        let destination = Some(fixture::key("q"));
        let shown =
            json(MoveTask { destination, per_second_max: Some(500), ..task(MoveStatus::Running) });
        assert_eq!(shown["DestinationArn"], fixture::key("q").arn());
        assert_eq!(shown["MaxNumberOfMessagesPerSecond"], 500);
    }
}
