//! An encrypted body, as it stands in its row in place of the text.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | zero, with which no text begins that SQS accepts |
//! | 1 | version |
//! | 1 | whether the message left the queue or got another id since: 1 and 2; whether a key of KMS sealed the data key: 4 |
//! | 4, … | if so: ARN of the queue, preceded by its length |
//! | 16 | if so: the id |
//! | 4, … | the data key, sealed, preceded by its length |
//! | 12 | nonce |
//! | … | ciphertext and tag: MD5 of the body, the body |

use bytes::{Buf, BufMut};
use uuid::Uuid;

pub(super) const NONCE_BYTES: usize = 12;
/// With this begins an encrypted body, and no other.
const MARK: u8 = 0;
const VERSION: u8 = 1;
const HAS_QUEUE: u8 = 1;
const HAS_ID: u8 = 2;
const BY_KMS: u8 = 4;

/// What sealed a data key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SealedBy {
    /// The server key.
    Server,
    /// A key of KMS, which the sealed data key names.
    Kms,
}

/// An encrypted body with what is needed to decrypt it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Envelope {
    /// ARN of the queue in which it was encrypted, if it has left that.
    pub(super) queue: Option<String>,
    /// Id of the message when it was encrypted, if it has another one now.
    pub(super) id: Option<Uuid>,
    pub(super) sealed_by: SealedBy,
    /// The data key.
    pub(super) sealed_key: Vec<u8>,
    pub(super) nonce: [u8; NONCE_BYTES],
    pub(super) ciphertext: Vec<u8>,
}

impl Envelope {
    /// Whether these bytes stand in place of a text.
    pub(crate) fn is_one(bytes: &[u8]) -> bool {
        bytes.first() == Some(&MARK)
    }

    /// What sealed the data key.
    pub(crate) fn sealed_by(&self) -> SealedBy {
        self.sealed_by
    }

    /// Remembers in which queue and with which id the body was encrypted, before the message leaves it.
    pub(crate) fn leave(&mut self, queue_arn: &str, id: Uuid) {
        self.queue.get_or_insert_with(|| queue_arn.to_owned());
        self.id.get_or_insert(id);
    }

    /// Writes the bytes.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        let flag = |is_set, flag| if is_set { flag } else { 0 };
        out.reserve(64 + self.sealed_key.len() + self.ciphertext.len());
        out.put_u8(MARK);
        out.put_u8(VERSION);
        out.put_u8(
            flag(self.queue.is_some(), HAS_QUEUE)
                | flag(self.id.is_some(), HAS_ID)
                | flag(self.sealed_by == SealedBy::Kms, BY_KMS),
        );
        if let Some(queue) = &self.queue {
            put_bytes(out, queue.as_bytes());
        }
        if let Some(id) = &self.id {
            out.put_slice(id.as_bytes());
        }
        put_bytes(out, &self.sealed_key);
        out.put_slice(&self.nonce);
        out.put_slice(&self.ciphertext);
    }

    /// Reads the bytes, if they are of this version.
    pub(crate) fn get(mut bytes: &[u8]) -> Option<Self> {
        let bytes = &mut bytes;
        if (bytes.try_get_u8().ok()?, bytes.try_get_u8().ok()?) != (MARK, VERSION) {
            return None;
        }
        let flags = bytes.try_get_u8().ok()?;
        let queue = match flags & HAS_QUEUE {
            0 => None,
            _ => Some(String::from_utf8(get_bytes(bytes)?.to_vec()).ok()?),
        };
        let id = match flags & HAS_ID {
            0 => None,
            _ => Some(Uuid::from_u128(bytes.try_get_u128().ok()?)),
        };
        let sealed_key = get_bytes(bytes)?.to_vec();
        let (nonce, ciphertext) = bytes.split_first_chunk::<NONCE_BYTES>()?;
        let sealed_by = if flags & BY_KMS == 0 { SealedBy::Server } else { SealedBy::Kms };
        let is_known = flags & !(HAS_QUEUE | HAS_ID | BY_KMS) == 0;
        is_known.then(|| Self {
            queue,
            id,
            sealed_by,
            sealed_key,
            nonce: *nonce,
            ciphertext: ciphertext.to_vec(),
        })
    }
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.put_u32(u32::try_from(bytes.len()).expect("names and keys are short"));
    out.put_slice(bytes);
}

fn get_bytes<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = bytes.try_get_u32().ok()?;
    let (found, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
    *bytes = rest;
    Some(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_envelope_reads_back_as_written(
            queue in any::<Option<String>>(),
            id in any::<Option<u128>>(),
            sealed_by in prop_oneof![Just(SealedBy::Server), Just(SealedBy::Kms)],
            sealed_key in any::<Vec<u8>>(),
            nonce in any::<[u8; NONCE_BYTES]>(),
            ciphertext in any::<Vec<u8>>(),
        ) {
            let id = id.map(Uuid::from_u128);
            let envelope = Envelope { queue, id, sealed_by, sealed_key, nonce, ciphertext };
            let mut bytes = Vec::new();
            envelope.put(&mut bytes);
            prop_assert!(Envelope::is_one(&bytes));
            prop_assert_eq!(Envelope::get(&bytes), Some(envelope));
        }

        #[test]
        fn damage_never_panics(mut bytes in any::<Vec<u8>>()) {
            drop(Envelope::get(&bytes));
            bytes.splice(..0, [MARK, VERSION]);
            drop(Envelope::get(&bytes));
        }
    }

    #[test]
    fn a_body_is_bound_to_where_it_was_encrypted_however_often_it_moves() {
        let mut envelope = Envelope {
            queue: None,
            id: None,
            sealed_by: SealedBy::Server,
            sealed_key: Vec::new(),
            nonce: [0; NONCE_BYTES],
            ciphertext: Vec::new(),
        };
        envelope.leave("arn:first", Uuid::from_u128(1));
        envelope.leave("arn:second", Uuid::from_u128(2));
        assert_eq!(envelope.queue.as_deref(), Some("arn:first"));
        assert_eq!(envelope.id, Some(Uuid::from_u128(1)));
    }
}
