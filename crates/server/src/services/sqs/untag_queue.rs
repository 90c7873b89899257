//! `UntagQueue` (contract §2.13): removes tags from a queue; unknown keys are ignored.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::errors;
use super::existing_queue;
use crate::broker::{Entry, QueueChange};
use crate::services::{Context, InputKeys, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct UntagQueue;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    queue_url: Option<String>,
    #[serde(default)]
    tag_keys: Option<Vec<String>>,
}

impl Operation for UntagQueue {
    const NAME: &'static str = "UntagQueue";
    const IAM_ACTION: &'static str = "sqs:UntagQueue";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::QueueUrl(input.queue_url.clone())
    }

    fn keys(input: &Input) -> InputKeys {
        let keys = input.tag_keys.iter().flatten().cloned();
        InputKeys::default().with("aws:TagKeys", keys)
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let queue = existing_queue::resolve(context, input.queue_url.as_deref()).await?;
        let keys = input.tag_keys.filter(|keys| !keys.is_empty());
        let keys = keys.ok_or_else(|| errors::missing_parameter("TagKeys"))?;
        let decide = move |entry: Entry<'_>, _now_ms| decide(&keys, entry);
        context.broker.change_queue(&queue.key, decide).await?;
        Ok(NoOutput {})
    }
}

fn decide(keys: &[String], entry: Entry<'_>) -> Result<(QueueChange, ()), AwsError> {
    let current = existing_queue::present(entry)?;
    if !keys.iter().any(|key| current.tags.contains_key(key)) {
        return Ok((QueueChange::None, ()));
    }
    let mut queue = current.clone();
    queue.tags.retain(|key, _| !keys.contains(key));
    Ok((QueueChange::Put(queue), ()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::fixture;
    use super::*;
    use crate::broker::QueueKind;

    #[test]
    fn known_keys_are_removed_and_unknown_ones_ignored() {
        let mut queue = fixture::queue("q", QueueKind::Standard);
        queue.tags = ["a", "b"].map(|key| (key.to_owned(), String::new())).into();
        let decided = decide(&["a".to_owned(), "x".to_owned()], Entry::Present(&queue));
        let Ok((QueueChange::Put(after), ())) = decided else { unreachable!("the queue is put") };
        assert_eq!(after.tags, BTreeMap::from([("b".to_owned(), String::new())]));
        let unknown = decide(&["x".to_owned()], Entry::Present(&queue));
        assert!(matches!(unknown, Ok((QueueChange::None, ()))));
    }
}
