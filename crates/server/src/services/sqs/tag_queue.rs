//! `TagQueue` (contract §2.13): adds tags to a queue; the same key overwrites.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::errors;
use super::existing_queue;
use super::tags::{self, Tags};
use crate::broker::{Entry, QueueChange};
use crate::services::{Context, InputKeys, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct TagQueue;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    queue_url: Option<String>,
    #[serde(default)]
    tags: Option<Tags>,
}

impl Operation for TagQueue {
    const NAME: &'static str = "TagQueue";
    const IAM_ACTION: &'static str = "sqs:TagQueue";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::QueueUrl(input.queue_url.clone())
    }

    fn keys(input: &Input) -> InputKeys {
        input
            .tags
            .as_ref()
            .map_or_else(InputKeys::default, |tags| InputKeys::default().with_tags(tags))
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let queue = existing_queue::resolve(context, input.queue_url.as_deref()).await?;
        let given = input.tags.filter(|tags| !tags.is_empty());
        let given = given.ok_or_else(|| errors::missing_parameter("Tags"))?;
        let decide = move |entry: Entry<'_>, _now_ms| decide(&given, entry);
        context.broker.change_queue(&queue.key, decide).await?;
        Ok(NoOutput {})
    }
}

fn decide(given: &Tags, entry: Entry<'_>) -> Result<(QueueChange, ()), AwsError> {
    let mut queue = existing_queue::present(entry)?.clone();
    queue.tags = tags::merge(&queue.key.name, &queue.tags, given)?;
    Ok((QueueChange::Put(queue), ()))
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;
    use crate::broker::QueueKind;

    #[test]
    fn tags_are_merged_and_the_queue_counts_as_unchanged() {
        let mut queue = fixture::queue("q", QueueKind::Standard);
        queue.tags = Tags::from([("a".to_owned(), "1".to_owned())]);
        let given = Tags::from([("b".to_owned(), String::new())]);
        let decided = decide(&given, Entry::Present(&queue));
        let Ok((QueueChange::Put(after), ())) = decided else { unreachable!("the queue is put") };
        assert_eq!(after.tags.len(), 2);
        assert_eq!(after.modified_at_ms, queue.modified_at_ms);
    }
}
