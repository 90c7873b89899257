//! A message as the services hand it to the broker and get it back.

use std::fmt;

use uuid::Uuid;

use crate::encryption::Envelope;

/// Value of a message attribute. Lists are not supported by SQS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttributeValue {
    /// `String` and `Number` types: the text as sent.
    Text(String),
    /// `Binary` types: raw bytes.
    Binary(Vec<u8>),
}

/// One message attribute: name, type with its label, value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageAttribute {
    /// Name, unique within the message.
    pub name: String,
    /// `DataType` with its custom label, echoed verbatim.
    pub data_type: String,
    /// The value.
    pub value: AttributeValue,
}

/// What is stored of a message and never changes; the engine does not see it.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// `MessageId`.
    pub id: Uuid,
    /// Body text, validated.
    pub body: String,
    /// MD5 of the body.
    pub body_md5: [u8; 16],
    /// Message attributes, sorted by name.
    pub attributes: Vec<MessageAttribute>,
    /// `SenderId`.
    pub sender_id: String,
    /// `AWSTraceHeader` system attribute.
    pub trace_header: Option<String>,
    /// `MessageGroupId`.
    pub group_id: Option<String>,
    /// `MessageDeduplicationId`, FIFO only.
    pub deduplication_id: Option<String>,
    /// `DeadLetterQueueSourceArn`, after an automatic move only.
    pub source_arn: Option<String>,
    /// `SentTimestamp`, epoch milliseconds, if it is not the time at which the message came into its queue.
    pub sent_at_ms: Option<u64>,
}

/// Without the body, which never appears in a log or an error.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id)
            .field("body_bytes", &self.body.len())
            .field("group_id", &self.group_id)
            .field("deduplication_id", &self.deduplication_id)
            .finish_non_exhaustive()
    }
}

/// A message to send.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// The message.
    pub message: Message,
    /// Delay before the message is visible, s; the queue's own delay is already considered.
    pub delay_secs: u32,
}

/// What a receive returns for one message.
#[derive(Debug, Clone)]
pub struct Received {
    /// The stored message; without its body while that is locked.
    pub message: Message,
    /// The body, if only who may use a key of KMS can read it.
    pub(crate) locked: Option<Box<Envelope>>,
    /// `ReceiptHandle` of this receive, as text.
    pub receipt_handle: String,
    /// `SentTimestamp`, epoch milliseconds.
    pub sent_at_ms: u64,
    /// `ApproximateReceiveCount`, this receive included.
    pub receive_count: u32,
    /// `ApproximateFirstReceiveTimestamp`, epoch milliseconds.
    pub first_received_at_ms: u64,
    /// `SequenceNumber`, FIFO only.
    pub sequence_number: Option<String>,
}
