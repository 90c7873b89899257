//! A data key: encrypts the bodies of one queue for a while.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::envelope::NONCE_BYTES;
use super::sealing::{KEY_BYTES, SealingKey, context};
use crate::random;

/// Bodies that one key encrypts at most: so many random nonces are safe (NIST SP 800-38D, 8.3).
const USES_MAX: u64 = 1 << 32;

/// An open data key. The library overwrites it when it is dropped.
pub(super) struct DataKey(LessSafeKey);

/// A data key that is in use for encryption.
pub(super) struct CurrentKey {
    pub(super) key: DataKey,
    /// As it stands in every envelope.
    pub(super) sealed: Vec<u8>,
    made_at_ms: u64,
    uses: AtomicU64,
}

impl DataKey {
    fn new(key: &[u8; KEY_BYTES]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, key).expect("the key has the right length");
        Self(LessSafeKey::new(key))
    }

    /// Opens the key of an envelope.
    pub(super) fn open(server_key: &SealingKey, queue_arn: &str, sealed: &[u8]) -> Option<Self> {
        let key = server_key.open_key(&key_context(queue_arn), sealed)?;
        Some(Self::new(&key))
    }

    /// Encrypts, and returns the nonce. The tag is appended.
    pub(super) fn encrypt(&self, context: &[u8], bytes: &mut Vec<u8>) -> [u8; NONCE_BYTES] {
        let nonce = random::bytes();
        self.0
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(context),
                bytes,
            )
            .expect("a body is shorter than what the cipher takes");
        nonce
    }

    /// Decrypts in place what this key encrypted in this context.
    pub(super) fn decrypt<'a>(
        &self,
        context: &[u8],
        nonce: [u8; NONCE_BYTES],
        bytes: &'a mut [u8],
    ) -> Option<&'a [u8]> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.0.open_in_place(nonce, Aad::from(context), bytes).ok().map(|bytes| &*bytes)
    }
}

impl CurrentKey {
    /// Makes a key for a queue.
    pub(super) fn make(server_key: &SealingKey, queue_arn: &str, made_at_ms: u64) -> Self {
        let key: Zeroizing<[u8; KEY_BYTES]> = Zeroizing::new(random::bytes());
        Self {
            key: DataKey::new(&key),
            sealed: server_key.seal(&key_context(queue_arn), &*key),
            made_at_ms,
            uses: AtomicU64::new(0),
        }
    }

    /// Takes one use of the key, if it is not too old for that and not used up.
    pub(super) fn take_use(&self, now_ms: u64, reuse_ms: u64) -> bool {
        let age_ms = now_ms.checked_sub(self.made_at_ms);
        age_ms.is_some_and(|age_ms| age_ms < reuse_ms)
            && self.uses.fetch_add(1, Ordering::Relaxed) < USES_MAX
    }
}

fn key_context(queue_arn: &str) -> Vec<u8> {
    context(&[b"data key", queue_arn.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_used_for_its_time_and_so_often() {
        let server_key = SealingKey::new(&[1; KEY_BYTES]);
        let key = CurrentKey::make(&server_key, "arn", 1_000);
        assert!(key.take_use(1_000, 300));
        assert!(key.take_use(1_299, 300));
        assert!(!key.take_use(1_300, 300), "too old");
        assert!(!key.take_use(999, 300), "the clock went back");
        key.uses.store(USES_MAX - 1, Ordering::Relaxed);
        assert!(key.take_use(1_000, 300));
        assert!(!key.take_use(1_000, 300), "used up");
    }

    #[test]
    fn a_key_opens_for_its_queue_only() {
        let server_key = SealingKey::new(&[1; KEY_BYTES]);
        let key = CurrentKey::make(&server_key, "arn", 0);
        assert!(DataKey::open(&server_key, "arn", &key.sealed).is_some());
        assert!(DataKey::open(&server_key, "other", &key.sealed).is_none());
    }
}
