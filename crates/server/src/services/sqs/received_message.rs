//! Messages on their way out: which attributes an answer shows (contract §2.10, §4.10).

use std::collections::BTreeMap;

use serde::Serialize;
use sluice_wire::AwsError;

use super::checksum;
use super::errors;
use super::message_attributes::{self, AttributeTexts};
use super::queue_attributes;
use crate::broker::{MessageAttribute, QueueKind, Received};
use crate::hex;

const ALL: &str = "All";

/// One message of an answer. Not `Debug`: bodies never appear in a log.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ReceivedMessage {
    message_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt_handle: Option<String>,
    #[serde(rename = "MD5OfBody")]
    body_md5: String,
    body: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<&'static str, String>,
    #[serde(rename = "MD5OfMessageAttributes", skip_serializing_if = "Option::is_none")]
    attributes_md5: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    message_attributes: AttributeTexts,
}

/// What a request wants to see of its messages.
#[derive(Debug)]
pub(super) struct View {
    system: Vec<&'static SystemAttribute>,
    message_attributes: Vec<NamePattern>,
}

/// A message system attribute: absent when the message does not have it.
struct SystemAttribute {
    name: &'static str,
    value: fn(&Received, QueueKind) -> Option<String>,
}

/// A row of `MessageAttributeNames`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum NamePattern {
    All,
    Prefix(String),
    Exactly(String),
}

static SYSTEM_ATTRIBUTES: &[SystemAttribute] = &[
    SystemAttribute {
        name: "SenderId",
        value: |received, _| Some(received.message.sender_id.clone()),
    },
    SystemAttribute {
        name: "SentTimestamp",
        value: |received, _| Some(received.sent_at_ms.to_string()),
    },
    SystemAttribute {
        name: "ApproximateReceiveCount",
        value: |received, _| Some(received.receive_count.to_string()),
    },
    SystemAttribute {
        name: "ApproximateFirstReceiveTimestamp",
        // A message that is only looked at may never have been received.
        value: |received, _| {
            (received.receive_count > 0).then(|| received.first_received_at_ms.to_string())
        },
    },
    SystemAttribute {
        name: "SequenceNumber",
        value: |received, kind| received.sequence_number.clone().filter(|_| is_fifo(kind)),
    },
    SystemAttribute {
        name: "MessageDeduplicationId",
        value: |received, kind| received.message.deduplication_id.clone().filter(|_| is_fifo(kind)),
    },
    SystemAttribute {
        name: "MessageGroupId",
        value: |received, _| received.message.group_id.clone(),
    },
    SystemAttribute {
        name: "AWSTraceHeader",
        value: |received, _| received.message.trace_header.clone(),
    },
    SystemAttribute {
        name: "DeadLetterQueueSourceArn",
        value: |received, _| received.message.source_arn.clone(),
    },
];

impl std::fmt::Debug for SystemAttribute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl View {
    /// Shows everything.
    pub(super) fn all() -> Self {
        Self {
            system: SYSTEM_ATTRIBUTES.iter().collect(),
            message_attributes: vec![NamePattern::All],
        }
    }

    /// Reads the names that a request gives. `system_names` is the union of `AttributeNames` and
    /// `MessageSystemAttributeNames`; names of queue attributes are ignored there, because older
    /// SDKs offer them.
    ///
    /// # Errors
    /// `InvalidAttributeName` for an unknown system attribute.
    pub(super) fn parse(
        system_names: &[String],
        message_attribute_names: &[String],
    ) -> Result<Self, AwsError> {
        let is_known = |name: &str| {
            SYSTEM_ATTRIBUTES.iter().any(|attribute| attribute.name == name)
                || queue_attributes::is_queue_attribute(name)
        };
        if let Some(unknown) = system_names.iter().find(|name| !is_known(name)) {
            return Err(errors::unknown_attribute(unknown));
        }
        let is_wanted = |attribute: &&SystemAttribute| {
            system_names.iter().any(|name| name == ALL || name == attribute.name)
        };
        Ok(Self {
            system: SYSTEM_ATTRIBUTES.iter().filter(is_wanted).collect(),
            message_attributes: message_attribute_names
                .iter()
                .map(|name| NamePattern::parse(name))
                .collect(),
        })
    }

    /// Shows a message with its receipt handle.
    pub(super) fn show(&self, kind: QueueKind, mut received: Received) -> ReceivedMessage {
        let receipt_handle = Some(std::mem::take(&mut received.receipt_handle));
        ReceivedMessage { receipt_handle, ..self.show_without_receipt(kind, received) }
    }

    /// Shows a message that was not received, only looked at.
    pub(super) fn show_without_receipt(
        &self,
        kind: QueueKind,
        received: Received,
    ) -> ReceivedMessage {
        let system = self.system.iter();
        let attributes = system
            .filter_map(|attribute| Some((attribute.name, (attribute.value)(&received, kind)?)))
            .collect();
        let message = received.message;
        let shown: Vec<&MessageAttribute> =
            message.attributes.iter().filter(|attribute| self.matches(&attribute.name)).collect();
        ReceivedMessage {
            message_id: message.id.to_string(),
            receipt_handle: None,
            body_md5: hex::text(message.body_md5),
            attributes,
            attributes_md5: checksum::of_attributes(shown.iter().copied()).map(hex::text),
            message_attributes: shown
                .into_iter()
                .map(|attribute| (attribute.name.clone(), message_attributes::to_text(attribute)))
                .collect(),
            body: message.body,
        }
    }

    fn matches(&self, name: &str) -> bool {
        self.message_attributes.iter().any(|pattern| pattern.matches(name))
    }
}

impl NamePattern {
    fn parse(text: &str) -> Self {
        match text {
            ALL | ".*" | "*" => Self::All,
            _ => match text.strip_suffix(".*") {
                Some(prefix) => Self::Prefix(prefix.to_owned()),
                None => Self::Exactly(text.to_owned()),
            },
        }
    }

    fn matches(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Prefix(prefix) => name.starts_with(prefix),
            Self::Exactly(exact) => name == exact,
        }
    }
}

fn is_fifo(kind: QueueKind) -> bool {
    kind == QueueKind::Fifo
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::broker::{AttributeValue, Message};

    fn received() -> Received {
        let attribute = |name: &str, text: &str| MessageAttribute {
            name: name.to_owned(),
            data_type: "String".to_owned(),
            value: AttributeValue::Text(text.to_owned()),
        };
        Received {
            message: Message {
                id: Uuid::nil(),
                body: "hello".to_owned(),
                body_md5: checksum::of_body("hello"),
                attributes: vec![
                    attribute("General", "Kenobi"),
                    attribute("Hello", "There"),
                    attribute("Help.Me", "Me"),
                ],
                sender_id: "AIDA".to_owned(),
                trace_header: None,
                group_id: Some("tenant".to_owned()),
                deduplication_id: Some("d".to_owned()),
                source_arn: None,
                sent_at_ms: None,
            },
            locked: None,
            receipt_handle: "handle".to_owned(),
            sent_at_ms: 1,
            receive_count: 2,
            first_received_at_ms: 3,
            sequence_number: Some("00000000000000000007".to_owned()),
        }
    }

    fn shown(system: &[&str], names: &[&str]) -> ReceivedMessage {
        let owned = |names: &[&str]| -> Vec<String> {
            names.iter().map(|name| (*name).to_owned()).collect()
        };
        let view = View::parse(&owned(system), &owned(names)).expect("known names");
        view.show(QueueKind::Standard, received())
    }

    #[test]
    fn nothing_asked_for_is_nothing_shown() {
        let json = serde_json::to_value(shown(&[], &[])).expect("serializes");
        let members: Vec<&String> = json.as_object().expect("an object").keys().collect();
        assert_eq!(members.len(), 4);
        for name in ["MessageId", "ReceiptHandle", "MD5OfBody", "Body"] {
            assert!(json.get(name).is_some(), "{name}");
        }
    }

    #[test]
    fn the_checksum_covers_what_is_shown() {
        for (names, count, md5) in [
            (&["All"][..], 3, "4c360f3fdafd970e05fae2f149d997f5"),
            (&[".*"][..], 3, "4c360f3fdafd970e05fae2f149d997f5"),
            (&["*"][..], 3, "4c360f3fdafd970e05fae2f149d997f5"),
            (&["Hello", "General", "?"][..], 2, "fca026605781cb4126a1e9044df24232"),
            (&["Hel.*"][..], 2, "83fee93c1bcd8b9a5a923ffacdc636c7"),
            (&["Hello.*"][..], 1, "a311262e065454b75da111d535b8dacd"),
        ] {
            let shown = shown(&[], names);
            assert_eq!(shown.message_attributes.len(), count, "{names:?}");
            assert_eq!(shown.attributes_md5.as_deref(), Some(md5), "{names:?}");
        }
        assert_eq!(shown(&[], &["hello", "Hello.Me"]).attributes_md5, None);
    }

    #[test]
    fn system_attributes_are_those_that_the_message_has() {
        let all = shown(&["All"], &[]).attributes;
        let names: Vec<&str> = all.keys().copied().collect();
        assert_eq!(
            names,
            [
                "ApproximateFirstReceiveTimestamp",
                "ApproximateReceiveCount",
                "MessageGroupId",
                "SenderId",
                "SentTimestamp",
            ]
        );
        assert!(shown(&["SequenceNumber"], &[]).attributes.is_empty());
        let fifo = View::all().show(QueueKind::Fifo, received()).attributes;
        assert_eq!(fifo["SequenceNumber"], "00000000000000000007");
        assert_eq!(fifo["MessageDeduplicationId"], "d");
    }

    #[test]
    fn queue_attribute_names_are_ignored_and_unknown_ones_refused() {
        assert!(shown(&["VisibilityTimeout"], &[]).attributes.is_empty());
        let error = View::parse(&["Nonsense".to_owned()], &[]).expect_err("refused");
        assert_eq!(error.message(), "Unknown Attribute Nonsense.");
    }

    #[test]
    fn a_message_that_is_looked_at_has_no_receipt_handle() {
        let peeked = View::all().show_without_receipt(QueueKind::Standard, received());
        assert_eq!(peeked.receipt_handle, None);
    }
}
