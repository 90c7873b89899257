//! `SendMessageBatch` (contract §2.9): puts up to ten messages into a queue.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::batch::{self, BatchEntry, BatchOutput, Checked};
use super::existing_queue;
use super::message_attributes::AttributeTexts;
use super::message_size;
use super::new_message::{self, FifoLack, NewMessage, Prepared, Sender, TooLong};
use crate::broker::{Queue, SentMessage};
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct SendMessageBatch;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    queue_url: Option<String>,
    #[serde(default)]
    entries: Option<Vec<Entry>>,
}

/// One message of the request.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    message_body: Option<String>,
    #[serde(default)]
    delay_seconds: Option<i64>,
    #[serde(default)]
    message_attributes: Option<AttributeTexts>,
    #[serde(default)]
    message_system_attributes: Option<AttributeTexts>,
    #[serde(default)]
    message_group_id: Option<String>,
    #[serde(default)]
    message_deduplication_id: Option<String>,
}

/// One message that was sent.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SentEntry {
    id: String,
    message_id: String,
    #[serde(rename = "MD5OfMessageBody")]
    body_md5: String,
    #[serde(rename = "MD5OfMessageAttributes", skip_serializing_if = "Option::is_none")]
    attributes_md5: Option<String>,
    #[serde(rename = "MD5OfMessageSystemAttributes", skip_serializing_if = "Option::is_none")]
    system_attributes_md5: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence_number: Option<String>,
}

impl BatchEntry for Entry {
    const NAME: &'static str = "SendMessageBatchRequestEntry";

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    fn size_bytes(&self) -> usize {
        let no_attributes = AttributeTexts::new();
        let attributes = self.message_attributes.as_ref().unwrap_or(&no_attributes);
        message_size::bytes(self.message_body.as_deref().unwrap_or_default(), attributes)
    }
}

impl Operation for SendMessageBatch {
    const NAME: &'static str = "SendMessageBatch";
    const IAM_ACTION: &'static str = "sqs:SendMessage";
    type Input = Input;
    type Output = BatchOutput<SentEntry>;

    fn resource(input: &Input) -> Resource {
        Resource::QueueUrl(input.queue_url.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<BatchOutput<SentEntry>, AwsError> {
        let queue = existing_queue::resolve(context, input.queue_url.as_deref())?;
        let entries = batch::check(input.entries)?;
        if let Some(lack) = entries.iter().find_map(|entry| fifo_lack(&queue, &entry.entry)) {
            return Err(FifoLack::refuse_batch(lack));
        }
        let sender = Sender::of(context);
        let prepared: Vec<_> =
            entries.into_iter().map(|entry| prepare(&queue, &sender, entry)).collect();
        let outgoing: Vec<_> = prepared
            .iter()
            .filter_map(|(_, outcome)| Some(outcome.as_ref().ok()?.outgoing.clone()))
            .collect();
        let sent = if outgoing.is_empty() {
            Vec::new()
        } else {
            context.broker.send(&queue, outgoing).await?
        };
        let mut sent = sent.into_iter();
        Ok(batch::answer(prepared.into_iter().map(|(id, outcome)| {
            let outcome = outcome.map(|prepared| {
                let sent = sent.next().expect("the broker answers every message");
                sent_entry(id.clone(), prepared, sent)
            });
            (id, outcome)
        })))
    }
}

fn fifo_lack(queue: &Queue, entry: &Entry) -> Option<FifoLack> {
    let group_id = entry.message_group_id.as_deref();
    new_message::fifo_lack(queue, group_id, entry.message_deduplication_id.as_deref())
}

fn prepare(
    queue: &Queue,
    sender: &Sender,
    entry: Checked<Entry>,
) -> (String, Result<Prepared, AwsError>) {
    let no_body = entry.missing("MessageBody");
    let Checked { id, entry, .. } = entry;
    let body = entry.message_body.filter(|body| !body.is_empty());
    let outcome = body.ok_or(no_body).and_then(|body| {
        let new = NewMessage {
            body,
            delay_secs: entry.delay_seconds,
            attributes: entry.message_attributes.unwrap_or_default(),
            system_attributes: entry.message_system_attributes.unwrap_or_default(),
            group_id: entry.message_group_id,
            deduplication_id: entry.message_deduplication_id,
        };
        new_message::prepare(queue, sender, new, TooLong::Entry)
    });
    (id, outcome)
}

fn sent_entry(id: String, prepared: Prepared, sent: SentMessage) -> SentEntry {
    SentEntry {
        id,
        message_id: sent.id.to_string(),
        body_md5: prepared.body_md5,
        attributes_md5: prepared.attributes_md5,
        system_attributes_md5: prepared.system_attributes_md5,
        sequence_number: sent.sequence_number,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{errors, fixture};
    use super::*;
    use crate::broker::QueueKind;

    fn entries(entries: Vec<Entry>) -> Vec<Checked<Entry>> {
        batch::check(Some(entries)).expect("valid batch")
    }

    fn entry(id: &str, body: &str) -> Entry {
        Entry { id: Some(id.to_owned()), message_body: Some(body.to_owned()), ..Entry::default() }
    }

    #[test]
    fn entries_fail_one_by_one() {
        let mut queue = fixture::queue("q", QueueKind::Standard);
        queue.attributes.message_bytes_max = 1024;
        let sender = Sender { id: "AIDA".to_owned(), trace_header: None };
        let late = Entry { delay_seconds: Some(901), ..entry("late", "x") };
        let long = "x".repeat(1025);
        let checked = entries(vec![
            entry("good", "x"),
            entry("empty", ""),
            entry("long", &long),
            entry("odd", "\u{1}"),
            late,
        ]);
        let outcomes: Vec<(String, Result<(), String>)> = checked
            .into_iter()
            .map(|entry| prepare(&queue, &sender, entry))
            .map(|(id, outcome)| {
                let text =
                    |error: AwsError| format!("{}: {}", error.shape().query_code, error.message());
                (id, outcome.map(|_| ()).map_err(text))
            })
            .collect();
        let failed = |text: &str| Err(text.to_owned());
        let expected = [
            ("good", Ok(())),
            (
                "empty",
                failed(
                    "MissingParameter: The request must contain the parameter \
                     SendMessageBatchRequestEntry.2.MessageBody.",
                ),
            ),
            (
                "long",
                failed(
                    "InvalidParameterValue: One or more parameters cannot be validated. Reason: \
                     Message must be shorter than 1024 bytes.",
                ),
            ),
            ("odd", failed(&format!("InvalidMessageContents: {}", errors::INVALID_CHARACTERS))),
            (
                "late",
                failed(
                    "InvalidParameterValue: Value 901 for parameter DelaySeconds is invalid. \
                     Reason: DelaySeconds must be >= 0 and <= 900.",
                ),
            ),
        ];
        assert_eq!(outcomes, expected.map(|(id, outcome)| (id.to_owned(), outcome)));
    }

    #[test]
    fn bodies_and_attributes_count_towards_the_size_of_the_request() {
        assert_eq!(entry("a", "1234").size_bytes(), 4);
        let too_long =
            batch::check(Some(vec![entry("a", &"x".repeat(1_048_576)), entry("b", "y")]));
        let error = too_long.map(|_| ()).expect_err("refused");
        assert_eq!(error.shape().name, "BatchRequestTooLong");
    }
}
