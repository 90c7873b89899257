//! A data key: encrypts the bodies of one queue for a while.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::envelope::{NONCE_BYTES, SealedBy};
use super::sealing::{KEY_BYTES, SealingKey, context};
use crate::random;

/// Bodies that one key encrypts at most: so many random nonces are safe (NIST SP 800-38D, 8.3).
const USES_MAX: u64 = 1 << 32;

/// An open data key. The library overwrites it when it is dropped.
pub(super) struct DataKey(LessSafeKey);

/// A data key that is in use for encryption.
pub(crate) struct CurrentKey {
    pub(super) key: DataKey,
    /// As it stands in every envelope.
    pub(super) sealed: Vec<u8>,
    /// ARN of the key of KMS that sealed it; without it, the server key did.
    kms_key: Option<Box<str>>,
    made_at_ms: u64,
    uses: AtomicU64,
}

/// What a data key is wanted for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Use<'a> {
    pub(crate) queue_arn: &'a str,
    /// The queue's first partition: tells it from an earlier queue of its name.
    pub(crate) partition: u64,
    /// ARN of the key of KMS that seals the data keys of the queue; without it, the server key does.
    pub(crate) kms_key: Option<&'a str>,
    /// How long one may be used, s.
    pub(crate) reuse_secs: u32,
    /// Bodies that are to be encrypted.
    pub(crate) bodies: usize,
}

impl DataKey {
    fn new(key: &[u8; KEY_BYTES]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, key).expect("the key has the right length");
        Self(LessSafeKey::new(key))
    }

    /// Makes the key of bytes that a key of KMS has opened.
    pub(super) fn opened(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::new)
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
    /// Makes a key, which `seal` seals.
    pub(super) fn make<E>(
        wanted: &Use<'_>,
        made_at_ms: u64,
        seal: impl FnOnce(&[u8; KEY_BYTES]) -> Result<Vec<u8>, E>,
    ) -> Result<Self, E> {
        let key: Zeroizing<[u8; KEY_BYTES]> = Zeroizing::new(random::bytes());
        Ok(Self {
            sealed: seal(&key)?,
            key: DataKey::new(&key),
            kms_key: wanted.kms_key.map(Box::from),
            made_at_ms,
            uses: AtomicU64::new(wanted.bodies as u64),
        })
    }

    /// Takes the key, if it is sealed by what it should be, not too old and not used up.
    pub(super) fn take(&self, wanted: &Use<'_>, now_ms: u64) -> bool {
        let age_ms = now_ms.checked_sub(self.made_at_ms);
        let reuse_ms = u64::from(wanted.reuse_secs) * 1_000;
        let bodies = wanted.bodies as u64;
        self.kms_key.as_deref() == wanted.kms_key
            && age_ms.is_some_and(|age_ms| age_ms < reuse_ms)
            && self.uses.fetch_add(bodies, Ordering::Relaxed) + bodies <= USES_MAX
    }

    /// What sealed it.
    pub(super) fn sealed_by(&self) -> SealedBy {
        if self.kms_key.is_some() { SealedBy::Kms } else { SealedBy::Server }
    }
}

/// What the data key of a queue is bound to where the server key seals it.
pub(super) fn key_context(queue_arn: &str) -> Vec<u8> {
    context(&[b"data key", queue_arn.as_bytes()])
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    const WANTED: Use<'_> =
        Use { queue_arn: "arn", partition: 1, kms_key: None, reuse_secs: 300, bodies: 1 };

    fn key(wanted: &Use<'_>, made_at_ms: u64) -> CurrentKey {
        let made = CurrentKey::make(wanted, made_at_ms, |key| Ok::<_, Infallible>(key.to_vec()));
        made.expect("sealed")
    }

    #[test]
    fn a_key_is_used_for_its_time_and_so_often() {
        let key = key(&WANTED, 1_000);
        assert!(key.take(&WANTED, 1_000));
        assert!(key.take(&WANTED, 300_999));
        assert!(!key.take(&WANTED, 301_000), "too old");
        assert!(!key.take(&WANTED, 999), "the clock went back");
        key.uses.store(USES_MAX - 10, Ordering::Relaxed);
        assert!(key.take(&Use { bodies: 10, ..WANTED }, 1_000));
        assert!(!key.take(&WANTED, 1_000), "used up");
    }

    #[test]
    fn a_key_is_used_while_the_queue_has_the_same_key_of_kms() {
        let wants = [None, Some("one"), Some("other")].map(|kms_key| Use { kms_key, ..WANTED });
        for (index, wanted) in wants.iter().enumerate() {
            let key = key(wanted, 0);
            let fits = wants.each_ref().map(|wanted| key.take(wanted, 0));
            assert_eq!(fits, [index == 0, index == 1, index == 2]);
        }
    }

    #[test]
    fn a_key_opens_for_its_queue_only() {
        let server_key = SealingKey::new(&[1; KEY_BYTES]);
        let sealed = server_key.seal(&key_context("arn"), &[7; KEY_BYTES]);
        assert!(DataKey::open(&server_key, "arn", &sealed).is_some());
        assert!(DataKey::open(&server_key, "other", &sealed).is_none());
    }
}
