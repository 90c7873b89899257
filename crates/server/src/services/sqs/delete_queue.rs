//! `DeleteQueue` (contract §2.6): removes a queue and its messages.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::existing_queue;
use crate::broker::{Entry, QueueChange};
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct DeleteQueue;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    queue_url: Option<String>,
}

impl Operation for DeleteQueue {
    const NAME: &'static str = "DeleteQueue";
    const IAM_ACTION: &'static str = "sqs:DeleteQueue";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::QueueUrl(input.queue_url.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let key = existing_queue::key(context, input.queue_url.as_deref())?;
        context.broker.change_queue(&key, decide).await?;
        Ok(NoOutput {})
    }
}

fn decide(entry: Entry<'_>, _now_ms: u64) -> Result<(QueueChange, ()), AwsError> {
    existing_queue::present(entry)?;
    Ok((QueueChange::Delete, ()))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, NOW_MS};
    use super::*;
    use crate::broker::QueueKind;

    #[test]
    fn a_queue_is_deleted_once() {
        let queue = fixture::queue("q", QueueKind::Fifo);
        let change = decide(Entry::Present(&queue), NOW_MS).map(|(change, ())| change);
        assert!(matches!(change, Ok(QueueChange::Delete)));
        for gone in [Entry::Absent, Entry::Deleted { at_ms: NOW_MS }] {
            let error = decide(gone, NOW_MS).map(|_| ()).expect_err("refused");
            assert_eq!(error.shape().name, "QueueDoesNotExist");
        }
    }
}
