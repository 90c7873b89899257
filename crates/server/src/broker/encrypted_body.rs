//! Which bodies are encrypted, and what else of a message is hidden then.
//!
//! What tells of a body is not stored beside it in the clear: its MD5, and a deduplication id that is its hash. The other parts of a
//! message are not encrypted (contract §9).

use sha2::{Digest, Sha256};

use super::body::{self, Stored};
use super::message::Message;
use super::queue::Queue;
use crate::encryption::{Body, CurrentKey, Encryption, SealedBy, UnreadableBody, Use};
use crate::hex;

/// How long a data key is used where the queue does not say (`KmsDataKeyReusePeriodSeconds`).
const REUSE_SECS_DEFAULT: u32 = 300;
/// Stands for the deduplication id that content-based deduplication makes. None that a client can give is empty.
const HASH_OF_BODY: &str = "";

/// Whether a queue asks for encryption.
pub(super) fn is_wanted(queue: &Queue) -> bool {
    let attributes = &queue.attributes;
    attributes.is_sqs_managed_sse_enabled || attributes.kms_master_key_id.is_some()
}

/// What a data key is wanted for, with which bodies of a queue are to be encrypted.
pub(super) fn wanted<'a>(queue: &Queue, queue_arn: &'a str, bodies: usize) -> Use<'a> {
    Use {
        queue_arn,
        partition: queue.partitions.first().map_or(0, |place| place.partition),
        kms_key: None,
        reuse_secs: queue.attributes.kms_data_key_reuse_secs.unwrap_or(REUSE_SECS_DEFAULT),
        bodies,
    }
}

/// Makes the row of a message that comes into a queue, with its body encrypted.
pub(super) fn put(queue: &Queue, message: &Message, key: &CurrentKey) -> Vec<u8> {
    let arn = queue.key.arn();
    let envelope = Encryption::encrypt(key, &arn, message.id, &message.body, message.body_md5);
    let is_hash = |id: &String| *id == content_deduplication_id(&message.body);
    let deduplication_id = match &message.deduplication_id {
        Some(id) if is_hash(id) => Some(HASH_OF_BODY.to_owned()),
        other => other.clone(),
    };
    let hidden = Message {
        body: String::new(),
        body_md5: [0; 16],
        attributes: message.attributes.clone(),
        sender_id: message.sender_id.clone(),
        trace_header: message.trace_header.clone(),
        group_id: message.group_id.clone(),
        deduplication_id,
        source_arn: message.source_arn.clone(),
        ..*message
    };
    body::put(&hidden, Some(&envelope))
}

/// The message that is stored in a queue. If its data key is sealed by a key of KMS, the body stays as it is: whether that may
/// be used depends on who asks.
///
/// # Errors
/// [`UnreadableBody`]
pub(super) fn open(
    queue: &Queue,
    stored: Stored,
    encryption: Option<&Encryption>,
) -> Result<Stored, UnreadableBody> {
    let Stored { mut message, envelope } = stored;
    let Some(envelope) = envelope else { return Ok(Stored { message, envelope }) };
    if envelope.sealed_by() == SealedBy::Kms {
        return Ok(Stored { message, envelope: Some(envelope) });
    }
    let encryption = encryption.ok_or(UnreadableBody)?;
    let body = encryption.decrypt(&queue.key.arn(), message.id, envelope)?;
    put_back(&mut message, body);
    Ok(Stored { message, envelope: None })
}

/// Puts a body that was decrypted, and what was hidden with it, into its message.
pub(super) fn put_back(message: &mut Message, body: Body) {
    if message.deduplication_id.as_deref() == Some(HASH_OF_BODY) {
        message.deduplication_id = Some(content_deduplication_id(&body.text));
    }
    (message.body, message.body_md5) = (body.text, body.md5);
}

/// What content-based deduplication takes as the id: the SHA-256 of the body alone, in hexadecimal (contract §5.2).
pub(crate) fn content_deduplication_id(body: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(body.as_bytes()).into();
    hex::text(digest)
}
