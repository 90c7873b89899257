//! `ChangeMessageVisibilityBatch` (contract §2.12): the same for up to ten messages.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::batch::{self, BatchEntry, BatchOutput, Checked};
use super::change_message_visibility::judge;
use super::errors;
use super::existing_queue;
use super::limits::Limits;
use super::receipt;
use crate::audit::EventCategory;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct ChangeMessageVisibilityBatch;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    queue_url: Option<String>,
    #[serde(default)]
    entries: Option<Vec<Entry>>,
}

/// One change of the request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    receipt_handle: Option<String>,
    #[serde(default)]
    visibility_timeout: Option<i64>,
}

/// One message whose visibility was changed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ChangedEntry {
    id: String,
}

impl BatchEntry for Entry {
    const NAME: &'static str = "ChangeMessageVisibilityBatchRequestEntry";

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

impl Operation for ChangeMessageVisibilityBatch {
    const NAME: &'static str = "ChangeMessageVisibilityBatch";
    const IAM_ACTION: &'static str = "sqs:ChangeMessageVisibility";
    const EVENT_CATEGORY: EventCategory = EventCategory::Data;
    type Input = Input;
    type Output = BatchOutput<ChangedEntry>;

    fn resource(input: &Input) -> Resource {
        Resource::QueueUrl(input.queue_url.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<BatchOutput<ChangedEntry>, AwsError> {
        let queue = existing_queue::resolve(context, input.queue_url.as_deref()).await?;
        let limits = &context.extensions.sqs_limits;
        let entries = batch::check(input.entries, limits)?;
        let (changes, pending) = batch::read(entries, |entry| {
            let text = receipt::given(entry.entry.receipt_handle.as_deref())
                .ok_or_else(|| entry.missing("ReceiptHandle"))?;
            let secs = secs(&entry, limits)?;
            let receipt = receipt::parse(&context.broker, &queue, text)?;
            Ok(((receipt, secs), (text.to_owned(), secs)))
        });
        let outcomes = context.broker.change_visibility(&queue, changes).await?;
        Ok(pending.answer(outcomes, |id, (receipt_handle, secs), outcome| {
            judge(&outcome, &receipt_handle, secs, limits)?;
            Ok(ChangedEntry { id })
        }))
    }
}

fn secs(entry: &Checked<Entry>, limits: &Limits) -> Result<u32, AwsError> {
    let limit = limits.change_visibility_timeout();
    let secs = entry.entry.visibility_timeout.ok_or_else(|| entry.missing(limit.parameter))?;
    limit.check(secs).map_err(|_single_wording| {
        errors::invalid_parameter(format!(
            "VisibilityTimeout must be an integer between {} and {}.",
            limit.min, limit.max
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(visibility_timeout: Option<i64>) -> Result<u32, String> {
        let entry = Entry {
            id: Some("a".to_owned()),
            receipt_handle: Some("H".to_owned()),
            visibility_timeout,
        };
        let checked = Checked { number: 1, id: "a".to_owned(), entry };
        secs(&checked, &Limits::SQS).map_err(|e| e.message().to_owned())
    }

    #[test]
    fn timeouts_are_required_and_bounded() {
        assert_eq!(outcome(Some(43_200)), Ok(43_200));
        assert_eq!(
            outcome(None),
            Err("The request must contain the parameter \
                 ChangeMessageVisibilityBatchRequestEntry.1.VisibilityTimeout."
                .to_owned())
        );
        for bad in [-1, 43_201] {
            assert_eq!(
                outcome(Some(bad)),
                Err("VisibilityTimeout must be an integer between 0 and 43200.".to_owned())
            );
        }
    }
}
