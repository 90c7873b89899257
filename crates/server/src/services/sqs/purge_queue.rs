//! `PurgeQueue` (contract §2.7): removes every message of a queue, at most once in 60 s.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::errors;
use super::existing_queue;
use super::limits::PURGE_LOCK_MS;
use crate::broker::{Entry, QueueChange};
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct PurgeQueue;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    queue_url: Option<String>,
}

impl Operation for PurgeQueue {
    const NAME: &'static str = "PurgeQueue";
    const IAM_ACTION: &'static str = "sqs:PurgeQueue";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::QueueUrl(input.queue_url.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let queue = existing_queue::resolve(context, input.queue_url.as_deref())?;
        context.broker.change_queue(&queue.key, decide).await?;
        context.broker.purge(&queue).await?;
        Ok(NoOutput {})
    }
}

/// Takes the purge lock. It is held even if the purge itself then fails.
fn decide(entry: Entry<'_>, now_ms: u64) -> Result<(QueueChange, ()), AwsError> {
    let mut queue = existing_queue::present(entry)?.clone();
    let is_locked = queue
        .purged_at_ms
        .is_some_and(|purged_at_ms| now_ms.saturating_sub(purged_at_ms) < PURGE_LOCK_MS);
    if is_locked {
        return Err(errors::purge_queue_in_progress(&queue.key.name));
    }
    queue.purged_at_ms = Some(now_ms);
    Ok((QueueChange::Put(queue), ()))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, NOW_MS};
    use super::*;
    use crate::broker::QueueKind;

    #[test]
    fn one_purge_in_sixty_seconds() {
        let mut queue = fixture::queue("q", QueueKind::Standard);
        for (purged_at_ms, is_allowed) in
            [(None, true), (Some(NOW_MS - 59_999), false), (Some(NOW_MS - 60_000), true)]
        {
            queue.purged_at_ms = purged_at_ms;
            match decide(Entry::Present(&queue), NOW_MS) {
                Ok((QueueChange::Put(after), ())) => {
                    assert!(is_allowed);
                    assert_eq!(after.purged_at_ms, Some(NOW_MS));
                    assert_eq!(after.modified_at_ms, queue.modified_at_ms);
                }
                Ok((QueueChange::None | QueueChange::Delete, ())) => unreachable!(),
                Err(error) => {
                    assert!(!is_allowed);
                    assert_eq!(
                        error.message(),
                        "Only one PurgeQueue operation on q is allowed every 60 seconds."
                    );
                }
            }
        }
    }
}
