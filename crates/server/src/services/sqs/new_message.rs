//! A message on its way in: checks that `SendMessage` and `SendMessageBatch` share (contract §2.8).

use sluice_wire::AwsError;
use uuid::Uuid;

use super::characters;
use super::checksum;
use super::errors;
use super::limits::Limits;
use super::message_attributes::{self, AttributeTexts};
use super::message_size;
use crate::broker::{
    AttributeValue, Message, Outgoing, Queue, QueueKind, content_deduplication_id,
};
use crate::hex;
use crate::services::Context;

/// A message as a request gives it. Not `Debug`: bodies never appear in a log.
#[derive(Default)]
pub(super) struct NewMessage {
    pub(super) body: String,
    pub(super) delay_secs: Option<i64>,
    pub(super) attributes: AttributeTexts,
    pub(super) system_attributes: AttributeTexts,
    pub(super) group_id: Option<String>,
    pub(super) deduplication_id: Option<String>,
}

/// What a message takes from the request around it.
#[derive(Debug)]
pub(super) struct Sender {
    /// `SenderId`.
    pub(super) id: String,
    /// From the header `X-Amzn-Trace-Id`; an explicit system attribute goes first.
    pub(super) trace_header: Option<String>,
}

/// The checksums that a sender gets back, in hexadecimal.
#[derive(Debug)]
pub(super) struct Checksums {
    pub(super) body: String,
    pub(super) attributes: Option<String>,
    /// Over explicitly sent system attributes only.
    pub(super) system_attributes: Option<String>,
}

/// How the refusal of a message that is too long begins: the batch words it differently.
#[derive(Debug, Clone, Copy)]
pub(super) enum TooLong {
    /// `SendMessage`.
    Single,
    /// An entry of `SendMessageBatch`.
    Entry,
}

/// What every message to a FIFO queue needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FifoLack {
    /// `MessageGroupId`.
    GroupId,
    /// `MessageDeduplicationId`, without content-based deduplication.
    DeduplicationId,
}

impl Sender {
    /// Takes the sender out of a request's context.
    pub(super) fn of(context: &Context) -> Self {
        Self { id: context.identity.sender_id(), trace_header: context.trace_header.clone() }
    }
}

impl FifoLack {
    /// Words the refusal of a single message.
    pub(super) fn refuse_single(self) -> AwsError {
        match self {
            Self::GroupId => errors::missing_parameter("MessageGroupId"),
            Self::DeduplicationId => no_deduplication(),
        }
    }

    /// Words the refusal of a batch, which has the same texts under one code.
    pub(super) fn refuse_batch(self) -> AwsError {
        match self {
            Self::GroupId => {
                errors::invalid_parameter("The request must contain the parameter MessageGroupId.")
            }
            Self::DeduplicationId => no_deduplication(),
        }
    }
}

/// Finds what a message to a FIFO queue lacks; the group goes first.
pub(super) fn fifo_lack(
    queue: &Queue,
    group_id: Option<&str>,
    deduplication_id: Option<&str>,
) -> Option<FifoLack> {
    match queue.kind {
        QueueKind::Standard => None,
        QueueKind::Fifo if group_id.is_none() => Some(FifoLack::GroupId),
        QueueKind::Fifo => {
            let is_identified =
                deduplication_id.is_some() || queue.attributes.is_content_based_deduplication;
            (!is_identified).then_some(FifoLack::DeduplicationId)
        }
    }
}

/// Checks a message with a non-empty body; returns it ready to send, with the checksums of its answer.
///
/// # Errors
/// The errors of contract §2.8.
pub(super) fn prepare(
    limits: &Limits,
    queue: &Queue,
    sender: &Sender,
    new: NewMessage,
    too_long: TooLong,
) -> Result<(Outgoing, Checksums), AwsError> {
    let delay_secs = check_delay(limits, queue, new.delay_secs)?;
    check_identifier("MessageGroupId", new.group_id.as_deref())?;
    check_deduplication_id(queue.kind, new.deduplication_id.as_deref())?;
    if !characters::are_allowed(&new.body) {
        return Err(errors::invalid_message_contents());
    }
    let attributes = message_attributes::check(&new.attributes)?;
    let trace_header = message_attributes::check_system(&new.system_attributes)?;
    check_size(queue, &new, too_long)?;
    let deduplication_id = deduplication_id(queue, &new);
    let body_md5 = checksum::of_body(&new.body);
    let checksums = Checksums {
        body: hex::text(body_md5),
        attributes: checksum::of_attributes(&attributes).map(hex::text),
        system_attributes: checksum::of_attributes(&trace_header).map(hex::text),
    };
    let trace_header = match trace_header.map(|attribute| attribute.value) {
        Some(AttributeValue::Text(text)) => Some(text),
        Some(AttributeValue::Binary(_)) | None => sender.trace_header.clone(),
    };
    let message = Message {
        id: Uuid::new_v4(),
        body: new.body,
        body_md5,
        attributes,
        sender_id: sender.id.clone(),
        trace_header,
        group_id: new.group_id,
        deduplication_id,
        source_arn: None,
        sent_at_ms: None,
    };
    Ok((Outgoing { message, delay_secs }, checksums))
}

/// The deduplication id of a message: the given one, else on a FIFO queue that asks for it the SHA-256 of the body
/// (contract §5.2).
fn deduplication_id(queue: &Queue, new: &NewMessage) -> Option<String> {
    let is_from_body =
        queue.kind == QueueKind::Fifo && queue.attributes.is_content_based_deduplication;
    let given = new.deduplication_id.clone();
    given.or_else(|| is_from_body.then(|| content_deduplication_id(&new.body)))
}

/// Checks an optional id of 1 to 128 letters, digits and punctuation.
pub(super) fn check_identifier(parameter: &str, value: Option<&str>) -> Result<(), AwsError> {
    match value {
        Some(value) if !characters::is_identifier(value) => Err(errors::invalid_value(
            value,
            parameter,
            &format!(
                "{parameter} can only include alphanumeric and punctuation characters. 1 to 128 \
                 in length."
            ),
        )),
        Some(_) | None => Ok(()),
    }
}

fn check_delay(limits: &Limits, queue: &Queue, given: Option<i64>) -> Result<u32, AwsError> {
    let limit = limits.delay(queue.attributes.retention_secs);
    let delay_secs = limit.check_or(given, queue.attributes.delay_secs)?;
    match (queue.kind, given) {
        (QueueKind::Fifo, Some(1..)) => {
            Err(errors::not_for_this_queue_type(delay_secs, limit.parameter))
        }
        // On a FIFO queue only the delay of the queue counts.
        (QueueKind::Fifo, _) => Ok(queue.attributes.delay_secs),
        (QueueKind::Standard, _) => Ok(delay_secs),
    }
}

fn check_deduplication_id(kind: QueueKind, value: Option<&str>) -> Result<(), AwsError> {
    const PARAMETER: &str = "MessageDeduplicationId";
    match (kind, value) {
        (QueueKind::Standard, Some(value)) => {
            Err(errors::not_for_this_queue_type(value, PARAMETER))
        }
        (QueueKind::Standard, None) => Ok(()),
        (QueueKind::Fifo, value) => check_identifier(PARAMETER, value),
    }
}

fn check_size(queue: &Queue, new: &NewMessage, too_long: TooLong) -> Result<(), AwsError> {
    let bytes_max = queue.attributes.message_bytes_max;
    let bytes = message_size::bytes(&new.body, &new.attributes);
    if u32::try_from(bytes).is_ok_and(|bytes| bytes <= bytes_max) {
        return Ok(());
    }
    let beginning = match too_long {
        TooLong::Single => "One or more parameters are invalid.",
        TooLong::Entry => "One or more parameters cannot be validated.",
    };
    Err(errors::invalid_parameter(format!(
        "{beginning} Reason: Message must be shorter than {bytes_max} bytes."
    )))
}

fn no_deduplication() -> AwsError {
    errors::invalid_parameter(
        "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId \
         provided explicitly",
    )
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::super::message_attributes::AttributeText;
    use super::*;

    fn message(body: &str) -> NewMessage {
        NewMessage { body: body.to_owned(), ..NewMessage::default() }
    }

    fn prepared(kind: QueueKind, new: NewMessage) -> Result<(Outgoing, Checksums), String> {
        let queue = fixture::queue("q", kind);
        let sender = Sender { id: "AIDA".to_owned(), trace_header: Some("Root=h".to_owned()) };
        prepare(&Limits::SQS, &queue, &sender, new, TooLong::Single)
            .map_err(|error| format!("{}: {}", error.shape().query_code, error.message()))
    }

    fn refusal(kind: QueueKind, new: NewMessage) -> String {
        prepared(kind, new).map(|_| ()).expect_err("refused")
    }

    #[test]
    fn a_message_takes_sender_and_trace_header_from_the_request() {
        let (outgoing, checksums) = prepared(QueueKind::Standard, message("hello")).expect("valid");
        assert_eq!(checksums.body, "5d41402abc4b2a76b9719d911017c592");
        assert_eq!(checksums.attributes, None);
        assert_eq!(checksums.system_attributes, None);
        assert_eq!(outgoing.message.sender_id, "AIDA");
        assert_eq!(outgoing.message.trace_header.as_deref(), Some("Root=h"));
    }

    #[test]
    fn an_explicit_trace_header_goes_first_and_has_a_checksum() {
        let xray = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
        let text = AttributeText {
            string_value: Some(xray.to_owned()),
            data_type: Some("String".to_owned()),
            ..AttributeText::default()
        };
        let system_attributes = AttributeTexts::from([("AWSTraceHeader".to_owned(), text)]);
        let new = NewMessage { system_attributes, ..message("x") };
        let (outgoing, checksums) = prepared(QueueKind::Standard, new).expect("valid");
        assert_eq!(outgoing.message.trace_header.as_deref(), Some(xray));
        assert_eq!(
            checksums.system_attributes.as_deref(),
            Some("5ae4d5d7636402d80f4eb6d213245a88")
        );
    }

    #[test]
    fn the_delay_of_a_message_overrides_the_one_of_a_standard_queue() {
        let mut queue = fixture::queue("q", QueueKind::Standard);
        queue.attributes.delay_secs = 5;
        assert_eq!(check_delay(&Limits::SQS, &queue, None).ok(), Some(5));
        assert_eq!(check_delay(&Limits::SQS, &queue, Some(0)).ok(), Some(0));
        assert_eq!(check_delay(&Limits::SQS, &queue, Some(900)).ok(), Some(900));
        queue.kind = QueueKind::Fifo;
        assert_eq!(check_delay(&Limits::SQS, &queue, Some(0)).ok(), Some(5));
    }

    #[test]
    fn delays_are_bounded_and_not_for_fifo() {
        let delayed = |delay_secs| NewMessage { delay_secs: Some(delay_secs), ..message("x") };
        assert_eq!(
            refusal(QueueKind::Standard, delayed(901)),
            "InvalidParameterValue: Value 901 for parameter DelaySeconds is invalid. Reason: \
             DelaySeconds must be >= 0 and <= 900."
        );
        assert_eq!(
            refusal(QueueKind::Fifo, delayed(2)),
            "InvalidParameterValue: Value 2 for parameter DelaySeconds is invalid. Reason: The \
             request include parameter that is not valid for this queue type."
        );
    }

    #[test]
    fn groups_are_kept_on_standard_queues_and_deduplication_ids_are_refused() {
        let grouped = |id: &str| NewMessage { group_id: Some(id.to_owned()), ..message("x") };
        let (kept, _) = prepared(QueueKind::Standard, grouped("tenant")).expect("valid");
        assert_eq!(kept.message.group_id.as_deref(), Some("tenant"));
        assert_eq!(
            refusal(QueueKind::Standard, grouped("")),
            "InvalidParameterValue: Value  for parameter MessageGroupId is invalid. Reason: \
             MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in \
             length."
        );
        let deduplicated = NewMessage { deduplication_id: Some("d".to_owned()), ..message("x") };
        assert_eq!(
            refusal(QueueKind::Standard, deduplicated),
            "InvalidParameterValue: Value d for parameter MessageDeduplicationId is invalid. \
             Reason: The request include parameter that is not valid for this queue type."
        );
    }

    #[test]
    fn fifo_queues_need_a_group_first_and_then_deduplication() {
        let mut queue = fixture::queue("q.fifo", QueueKind::Fifo);
        assert_eq!(fifo_lack(&queue, None, None), Some(FifoLack::GroupId));
        assert_eq!(fifo_lack(&queue, Some("g"), None), Some(FifoLack::DeduplicationId));
        assert_eq!(fifo_lack(&queue, Some("g"), Some("d")), None);
        queue.attributes.is_content_based_deduplication = true;
        assert_eq!(fifo_lack(&queue, Some("g"), None), None);
        queue.kind = QueueKind::Standard;
        assert_eq!(fifo_lack(&queue, None, None), None);
        let codes = [FifoLack::GroupId.refuse_single(), FifoLack::GroupId.refuse_batch()]
            .map(|error| error.shape().query_code);
        assert_eq!(codes, ["MissingParameter", "InvalidParameterValue"]);
    }

    #[test]
    fn the_size_limit_itself_is_allowed() {
        assert!(prepared(QueueKind::Standard, message(&"x".repeat(1_048_576))).is_ok());
        assert_eq!(
            refusal(QueueKind::Standard, message(&"x".repeat(1_048_577))),
            "InvalidParameterValue: One or more parameters are invalid. Reason: Message must be \
             shorter than 1048576 bytes."
        );
    }

    #[test]
    fn illegal_characters_are_invalid_contents() {
        assert!(
            refusal(QueueKind::Standard, message("\u{0}")).starts_with("InvalidMessageContents")
        );
    }
}
