//! `RemovePermission` (contract §8.2): removes the statement with a label from the queue's policy.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::errors;
use super::existing_queue;
use super::queue_attributes::PolicyDocument;
use crate::broker::{Entry, QueueChange};
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct RemovePermission;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    queue_url: Option<String>,
    #[serde(default)]
    label: Option<String>,
}

impl Operation for RemovePermission {
    const NAME: &'static str = "RemovePermission";
    const IAM_ACTION: &'static str = "sqs:RemovePermission";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::QueueUrl(input.queue_url.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let queue = existing_queue::resolve(context, input.queue_url.as_deref()).await?;
        let label = input.label.filter(|label| !label.is_empty());
        let label = label.ok_or_else(|| errors::missing_parameter("Label"))?;
        let decide = move |entry: Entry<'_>, now_ms| decide(&label, entry, now_ms);
        context.broker.change_queue(&queue.key, decide).await?;
        Ok(NoOutput {})
    }
}

fn decide(label: &str, entry: Entry<'_>, now_ms: u64) -> Result<(QueueChange, ()), AwsError> {
    let mut queue = existing_queue::present(entry)?.clone();
    let mut policy = PolicyDocument::parse(&queue.key, queue.attributes.policy.as_deref())?;
    if policy.labelled(label).is_none() {
        let reason = if policy.statements.is_empty() {
            "can't find label."
        } else {
            "can't find label on existing policy."
        };
        return Err(errors::invalid_value(label, "Label", reason));
    }
    policy.remove(label);
    queue.attributes.policy = policy.to_text()?;
    queue.modified_at_ms = now_ms;
    Ok((QueueChange::Put(queue), ()))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, NOW_MS};
    use super::*;
    use crate::broker::{Queue, QueueKind};

    const STATEMENT: &str = r#""Effect":"Allow","Principal":"*","Action":"sqs:*","Resource":"*""#;

    fn with_policy(policy: Option<String>) -> Queue {
        let mut queue = fixture::queue("q", QueueKind::Standard);
        queue.attributes.policy = policy;
        queue
    }

    fn remove(label: &str, queue: &Queue) -> Result<Option<String>, String> {
        match decide(label, Entry::Present(queue), NOW_MS) {
            Ok((QueueChange::Put(after), ())) => Ok(after.attributes.policy),
            Ok(_) => unreachable!("the queue is put"),
            Err(error) => Err(error.message().to_owned()),
        }
    }

    #[test]
    fn the_policy_goes_with_its_last_statement() {
        let a = format!(r#"{{"Sid":"a",{STATEMENT}}}"#);
        let b = format!(r#"{{"Sid":"b",{STATEMENT}}}"#);
        let both = with_policy(Some(format!(r#"{{"Statement":[{a},{b}]}}"#)));
        let left = format!(r#"{{"Statement":[{b}]}}"#);
        assert_eq!(remove("a", &both), Ok(Some(left.clone())));
        assert_eq!(remove("b", &with_policy(Some(left))), Ok(None));
    }

    #[test]
    fn an_unknown_label_is_refused() {
        assert_eq!(
            remove("x", &with_policy(None)),
            Err("Value x for parameter Label is invalid. Reason: can't find label.".to_owned())
        );
        let other = with_policy(Some(format!(r#"{{"Statement":[{{"Sid":"a",{STATEMENT}}}]}}"#)));
        assert_eq!(
            remove("x", &other),
            Err("Value x for parameter Label is invalid. Reason: can't find label on existing \
                 policy."
                .to_owned())
        );
    }
}
