//! Receipt handles: opaque, unforgeable, and judged without a look-up (design §6, contract §4.3).
//!
//! A handle is `AQEB` and the hexadecimal form of: partition, sequence, time of the receive, receive count, and a
//! keyed digest of these. The key is made once for a data directory, so handles survive restarts.

use bytes::{Buf, BufMut};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use sluice_engine::{Handle, Sequence};

use super::queue::Queue;
use crate::hex;

/// How every SQS receipt handle begins.
const MARK: &str = "AQEB";
const FIELD_BYTES: usize = 28;
const DIGEST_BYTES: usize = 16;
const HANDLE_BYTES: usize = FIELD_BYTES + DIGEST_BYTES;

/// A receipt handle that was issued by this server for a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    pub(super) partition: u64,
    pub(super) handle: Handle,
}

/// Why a text is not a receipt handle of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiptError {
    /// This server never issued it.
    Malformed,
    /// It belongs to another queue.
    OtherQueue,
}

/// Issues and checks receipt handles.
#[derive(Clone)]
pub struct ReceiptKey {
    keyed: Hmac<Sha256>,
}

impl ReceiptKey {
    /// Makes the key from the data directory's secret.
    pub fn new(secret: &[u8; 32]) -> Self {
        let keyed = Hmac::new_from_slice(secret).expect("HMAC takes keys of any length");
        Self { keyed }
    }

    /// Writes a handle.
    pub fn issue(&self, receipt: &Receipt) -> String {
        let mut bytes = [0; HANDLE_BYTES];
        let (fields, digest) = bytes.split_at_mut(FIELD_BYTES);
        let mut rest = &mut fields[..];
        rest.put_u64(receipt.partition);
        rest.put_u64(receipt.handle.sequence.0);
        rest.put_u64(receipt.handle.received_at_ms);
        rest.put_u32(receipt.handle.receive_count);
        digest.copy_from_slice(&self.digest(fields));
        let mut text = vec![0; MARK.len() + HANDLE_BYTES * 2];
        let (mark, digits) = text.split_at_mut(MARK.len());
        mark.copy_from_slice(MARK.as_bytes());
        hex::write(digits, &bytes);
        String::from_utf8(text).expect("mark and digits are ASCII")
    }

    /// Reads a handle given to `queue`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(&self, queue: &Queue, text: &str) -> Result<Receipt, ReceiptError> {
        let receipt = self.read(text).ok_or(ReceiptError::Malformed)?;
        match queue.partitions.iter().any(|place| place.partition == receipt.partition) {
            true => Ok(receipt),
            false => Err(ReceiptError::OtherQueue),
        }
    }

    fn read(&self, text: &str) -> Option<Receipt> {
        let bytes = unhex(text.strip_prefix(MARK)?)?;
        let (mut fields, digest) = bytes.split_at_checked(FIELD_BYTES)?;
        let mut mac = self.keyed.clone();
        mac.update(fields);
        if digest.len() != DIGEST_BYTES || mac.verify_truncated_left(digest).is_err() {
            return None;
        }
        Some(Receipt {
            partition: fields.try_get_u64().ok()?,
            handle: Handle {
                sequence: Sequence(fields.try_get_u64().ok()?),
                received_at_ms: fields.try_get_u64().ok()?,
                receive_count: fields.try_get_u32().ok()?,
            },
        })
    }

    fn digest(&self, fields: &[u8]) -> [u8; DIGEST_BYTES] {
        let mut mac = self.keyed.clone();
        mac.update(fields);
        let full = mac.finalize().into_bytes();
        std::array::from_fn(|index| full[index])
    }
}

impl std::fmt::Debug for ReceiptKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ReceiptKey")
    }
}

fn unhex(text: &str) -> Option<[u8; HANDLE_BYTES]> {
    if text.len() != HANDLE_BYTES * 2 {
        return None;
    }
    let mut bytes = [0; HANDLE_BYTES];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

fn digit(letter: u8) -> Option<u8> {
    match letter {
        b'0'..=b'9' => Some(letter - b'0'),
        b'a'..=b'f' => Some(letter - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::testing::queue_with_partition;
    use proptest::prelude::*;

    fn receipt() -> Receipt {
        let handle = Handle { sequence: Sequence(5), receive_count: 2, received_at_ms: 77 };
        Receipt { partition: 3, handle }
    }

    #[test]
    fn a_handle_reads_back_for_its_own_queue_only() {
        let key = ReceiptKey::new(&[1; 32]);
        let text = key.issue(&receipt());
        assert!(text.starts_with("AQEB") && text.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_eq!(key.parse(&queue_with_partition(3), &text), Ok(receipt()));
        assert_eq!(key.parse(&queue_with_partition(4), &text), Err(ReceiptError::OtherQueue));
    }

    #[test]
    fn a_handle_of_another_server_is_malformed() {
        let text = ReceiptKey::new(&[2; 32]).issue(&receipt());
        let parsed = ReceiptKey::new(&[1; 32]).parse(&queue_with_partition(3), &text);
        assert_eq!(parsed, Err(ReceiptError::Malformed));
    }

    proptest! {
        #[test]
        fn no_changed_handle_is_accepted(index in 0_usize..92, replacement in "[0-9a-f]") {
            let key = ReceiptKey::new(&[1; 32]);
            let text = key.issue(&receipt());
            let mut changed = text.clone();
            changed.replace_range(index..=index, &replacement);
            prop_assume!(changed != text);
            prop_assert_eq!(
                key.parse(&queue_with_partition(3), &changed),
                Err(ReceiptError::Malformed)
            );
        }

        #[test]
        fn any_text_is_judged_without_a_panic(text in any::<String>(), marked in any::<String>()) {
            let key = ReceiptKey::new(&[1; 32]);
            for text in [text, format!("AQEB{marked}")] {
                let parsed = key.parse(&queue_with_partition(3), &text);
                prop_assert_eq!(parsed, Err(ReceiptError::Malformed));
            }
        }
    }
}
