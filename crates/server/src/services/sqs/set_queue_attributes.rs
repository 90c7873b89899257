//! `SetQueueAttributes` (contract §2.5): changes the attributes that are given, leaves the others.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::errors;
use super::existing_queue;
use super::queue_attributes::{AttributeChanges, AttributeTexts};
use crate::broker::{Entry, QueueChange};
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct SetQueueAttributes;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    queue_url: Option<String>,
    #[serde(default)]
    attributes: Option<AttributeTexts>,
}

impl Operation for SetQueueAttributes {
    const NAME: &'static str = "SetQueueAttributes";
    const IAM_ACTION: &'static str = "sqs:SetQueueAttributes";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::QueueUrl(input.queue_url.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let queue = existing_queue::resolve(context, input.queue_url.as_deref()).await?;
        let texts = input.attributes.filter(|texts| !texts.is_empty());
        let texts = texts.ok_or_else(|| errors::missing_parameter("Attributes"))?;
        let changes = AttributeChanges::parse(queue.kind, texts, context.extensions.sqs_limits)?;
        existing_queue::check_dead_letter_target(context, &queue.key, queue.kind, &changes)?;
        let decide = move |entry: Entry<'_>, now_ms| decide(&changes, entry, now_ms);
        context.broker.change_queue(&queue.key, decide).await?;
        Ok(NoOutput {})
    }
}

fn decide(
    changes: &AttributeChanges,
    entry: Entry<'_>,
    now_ms: u64,
) -> Result<(QueueChange, ()), AwsError> {
    let mut queue = existing_queue::present(entry)?.clone();
    changes.apply(&mut queue.attributes)?;
    queue.modified_at_ms = now_ms;
    Ok((QueueChange::Put(queue), ()))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, NOW_MS};
    use super::super::limits::Limits;
    use super::*;
    use crate::broker::QueueKind;

    fn changes(name: &str, text: &str) -> AttributeChanges {
        let texts = AttributeTexts::from([(name.to_owned(), text.to_owned())]);
        AttributeChanges::parse(QueueKind::Standard, texts, Limits::SQS).expect("valid")
    }

    #[test]
    fn given_attributes_are_replaced_and_others_stay() {
        let before = fixture::queue("q", QueueKind::Standard);
        let decided = decide(&changes("DelaySeconds", "9"), Entry::Present(&before), NOW_MS);
        let Ok((QueueChange::Put(after), ())) = decided else { unreachable!("the queue is put") };
        assert_eq!(after.attributes.delay_secs, 9);
        assert_eq!(after.modified_at_ms, NOW_MS);
        assert_eq!(after.created_at_ms, before.created_at_ms);
        assert_eq!(after.partitions, before.partitions);
        let mut expected = before.attributes;
        expected.delay_secs = 9;
        assert_eq!(after.attributes, expected);
    }

    #[test]
    fn a_queue_that_is_gone_cannot_be_changed() {
        let decided = decide(&changes("DelaySeconds", "9"), Entry::Absent, NOW_MS);
        let error = decided.map(|_| ()).expect_err("refused");
        assert_eq!(error.shape().name, "QueueDoesNotExist");
    }
}
