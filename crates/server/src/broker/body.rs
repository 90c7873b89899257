//! The body row: what is stored of a message besides its state.

use bytes::{Buf, BufMut, TryGetError};
use uuid::Uuid;

use super::message::{AttributeValue, Message, MessageAttribute};
use super::rows::{self, BadRow};
use crate::encryption::Envelope;

const TEXT: u8 = 1;
const BINARY: u8 = 2;

/// A message as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stored {
    /// Without the body if that is encrypted, and without what tells of it.
    pub(super) message: Message,
    /// The encrypted body.
    pub(super) envelope: Option<Envelope>,
}

pub(super) fn put(message: &Message, envelope: Option<&Envelope>) -> Vec<u8> {
    let mut out = rows::start(message.body.len() + 256);
    out.put_slice(message.id.as_bytes());
    out.put_slice(&message.body_md5);
    put_bytes(&mut out, message.sender_id.as_bytes());
    let optional =
        [&message.trace_header, &message.group_id, &message.deduplication_id, &message.source_arn];
    for text in optional {
        match text {
            None => out.put_u8(0),
            Some(text) => {
                out.put_u8(1);
                put_bytes(&mut out, text.as_bytes());
            }
        }
    }
    out.put_u64(message.sent_at_ms.unwrap_or(0));
    put_length(&mut out, message.attributes.len());
    for attribute in &message.attributes {
        put_bytes(&mut out, attribute.name.as_bytes());
        put_bytes(&mut out, attribute.data_type.as_bytes());
        let (kind, bytes) = match &attribute.value {
            AttributeValue::Text(text) => (TEXT, text.as_bytes()),
            AttributeValue::Binary(bytes) => (BINARY, bytes.as_slice()),
        };
        out.put_u8(kind);
        put_bytes(&mut out, bytes);
    }
    // The body is the rest of the row.
    match envelope {
        None => out.put_slice(message.body.as_bytes()),
        Some(envelope) => envelope.put(&mut out),
    }
    out
}

pub(super) fn get(bytes: &[u8]) -> Result<Stored, BadRow> {
    rows::read("body", bytes, |row| {
        let id = Uuid::from_u128(row.try_get_u128()?);
        let body_md5 = row.try_get_u128()?.to_be_bytes();
        let sender_id = get_text(row)?;
        let trace_header = get_optional(row)?;
        let group_id = get_optional(row)?;
        let deduplication_id = get_optional(row)?;
        let source_arn = get_optional(row)?;
        let sent_at_ms = Some(row.try_get_u64()?).filter(|at_ms| *at_ms != 0);
        let mut attributes = Vec::new();
        for _ in 0..row.try_get_u32()? {
            attributes.push(MessageAttribute {
                name: get_text(row)?,
                data_type: get_text(row)?,
                value: match row.try_get_u8()? {
                    BINARY => AttributeValue::Binary(get_bytes(row)?.to_vec()),
                    _ => AttributeValue::Text(get_text(row)?),
                },
            });
        }
        let (body, envelope) = if Envelope::is_one(row) {
            (String::new(), Some(Envelope::get(row).ok_or_else(|| damaged(row))?))
        } else {
            (text(row)?, None)
        };
        row.advance(row.len());
        let message = Message {
            id,
            body,
            body_md5,
            attributes,
            sender_id,
            trace_header,
            group_id,
            deduplication_id,
            source_arn,
            sent_at_ms,
        };
        Ok(Stored { message, envelope })
    })
}

fn put_length(out: &mut Vec<u8>, length: usize) {
    out.put_u32(u32::try_from(length).expect("messages are bounded far below 4 GiB"));
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_length(out, bytes.len());
    out.put_slice(bytes);
}

fn get_bytes<'a>(row: &mut &'a [u8]) -> Result<&'a [u8], TryGetError> {
    let length = row.try_get_u32()? as usize;
    let available = row.len();
    let (bytes, rest) =
        row.split_at_checked(length).ok_or(TryGetError { requested: length, available })?;
    *row = rest;
    Ok(bytes)
}

fn get_text(row: &mut &[u8]) -> Result<String, TryGetError> {
    text(get_bytes(row)?)
}

fn text(bytes: &[u8]) -> Result<String, TryGetError> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| damaged(bytes))
}

/// What cannot have been written here is damage like a length that leads out of the row.
fn damaged(bytes: &[u8]) -> TryGetError {
    TryGetError { requested: bytes.len(), available: 0 }
}

fn get_optional(row: &mut &[u8]) -> Result<Option<String>, TryGetError> {
    match row.try_get_u8()? {
        0 => Ok(None),
        _ => get_text(row).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message() -> impl Strategy<Value = Message> {
        let value = prop_oneof![
            any::<String>().prop_map(AttributeValue::Text),
            any::<Vec<u8>>().prop_map(AttributeValue::Binary)
        ];
        let attribute = (any::<String>(), any::<String>(), value)
            .prop_map(|(name, data_type, value)| MessageAttribute { name, data_type, value });
        (
            any::<u128>(),
            // SQS accepts no zero byte.
            any::<String>().prop_filter("text", |text| !text.starts_with('\0')),
            any::<[u8; 16]>(),
            prop::collection::vec(attribute, 0..4),
            any::<[Option<String>; 4]>(),
            proptest::option::of(1..u64::MAX),
        )
            .prop_map(|(id, body, body_md5, attributes, optional, sent_at_ms)| {
                let [trace_header, group_id, deduplication_id, source_arn] = optional;
                Message {
                    id: Uuid::from_u128(id),
                    body,
                    body_md5,
                    attributes,
                    sender_id: "AIDA".to_owned(),
                    trace_header,
                    group_id,
                    deduplication_id,
                    source_arn,
                    sent_at_ms,
                }
            })
    }

    proptest! {
        #[test]
        fn a_message_reads_back_as_written(message in message()) {
            let read = get(&put(&message, None)).expect("reads");
            prop_assert_eq!(read, Stored { message, envelope: None });
        }

        #[test]
        fn damage_never_panics(bytes in any::<Vec<u8>>()) {
            drop(get(&bytes));
            let mut versioned = vec![1];
            versioned.extend(bytes);
            drop(get(&versioned));
        }
    }
}
