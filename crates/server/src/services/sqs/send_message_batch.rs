//! `SendMessageBatch` (contract §2.9): puts up to ten messages into a queue.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::batch::{self, BatchEntry, BatchOutput, Checked};
use super::existing_queue;
use super::limits::Limits;
use super::message_attributes::AttributeTexts;
use super::message_size;
use super::new_message::{self, Checksums, FifoLack, NewMessage, Sender, TooLong};
use super::secure_access;
use super::sse_kms;
use crate::audit::EventCategory;
use crate::broker::{Outgoing, Queue, SentMessage};
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct SendMessageBatch;

/// Request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    queue_url: Option<String>,
    #[serde(default)]
    entries: Option<Vec<Entry>>,
}

/// One message of the request.
#[derive(Default, Deserialize)]
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
    const EVENT_CATEGORY: EventCategory = EventCategory::Data;
    type Input = Input;
    type Output = BatchOutput<SentEntry>;

    fn resource(input: &Input) -> Resource {
        Resource::QueueUrl(input.queue_url.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<BatchOutput<SentEntry>, AwsError> {
        let queue = existing_queue::resolve(context, input.queue_url.as_deref()).await?;
        secure_access::check(context, &queue)?;
        let limits = &context.extensions.sqs_limits;
        let entries = batch::check(input.entries, limits)?;
        if let Some(lack) = entries.iter().find_map(|entry| fifo_lack(&queue, &entry.entry)) {
            return Err(FifoLack::refuse_batch(lack));
        }
        let sender = Sender::of(context);
        let (outgoing, pending) =
            batch::read(entries, |entry| prepare(limits, &queue, &sender, entry));
        let sent = sse_kms::send(context, &queue, outgoing).await?;
        Ok(pending.answer(sent, |id, checksums, sent| Ok(sent_entry(id, checksums, sent))))
    }
}

fn fifo_lack(queue: &Queue, entry: &Entry) -> Option<FifoLack> {
    let group_id = entry.message_group_id.as_deref();
    new_message::fifo_lack(queue, group_id, entry.message_deduplication_id.as_deref())
}

fn prepare(
    limits: &Limits,
    queue: &Queue,
    sender: &Sender,
    mut entry: Checked<Entry>,
) -> Result<(Outgoing, Checksums), AwsError> {
    let body = entry.entry.message_body.take().filter(|body| !body.is_empty());
    let body = body.ok_or_else(|| entry.missing("MessageBody"))?;
    let entry = entry.entry;
    let new = NewMessage {
        body,
        delay_secs: entry.delay_seconds,
        attributes: entry.message_attributes.unwrap_or_default(),
        system_attributes: entry.message_system_attributes.unwrap_or_default(),
        group_id: entry.message_group_id,
        deduplication_id: entry.message_deduplication_id,
    };
    new_message::prepare(limits, queue, sender, new, TooLong::Entry)
}

fn sent_entry(id: String, checksums: Checksums, sent: SentMessage) -> SentEntry {
    SentEntry {
        id,
        message_id: sent.id.to_string(),
        body_md5: checksums.body,
        attributes_md5: checksums.attributes,
        system_attributes_md5: checksums.system_attributes,
        sequence_number: sent.sequence_number,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{errors, fixture};
    use super::*;
    use crate::broker::QueueKind;

    fn entries(entries: Vec<Entry>) -> Vec<Checked<Entry>> {
        batch::check(Some(entries), &Limits::SQS).expect("valid batch")
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
            .map(|entry| {
                let id = entry.id.clone();
                let text =
                    |error: AwsError| format!("{}: {}", error.shape().query_code, error.message());
                let outcome = prepare(&Limits::SQS, &queue, &sender, entry);
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
        let too_long = batch::check(
            Some(vec![entry("a", &"x".repeat(1_048_576)), entry("b", "y")]),
            &Limits::SQS,
        );
        let error = too_long.map(|_| ()).expect_err("refused");
        assert_eq!(error.shape().name, "BatchRequestTooLong");
    }
}
