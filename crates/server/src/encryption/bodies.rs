//! Encrypts and decrypts bodies; has the keys.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use hmac::{Hmac, KeyInit};
use sha2::Sha256;
use sluice_store::{Shard, StoreError};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::data_key::{CurrentKey, DataKey, Use, key_context};
use super::envelope::Envelope;
use super::master_key::MasterKeys;
use super::sealed_shard::SealedShard;
use super::sealing::{KEY_BYTES, SealingKey, context};
use super::server_key::{self, OpenError};
use crate::clock::Clock;

/// Keys for encryption that are kept, one for each queue; then all are forgotten, and made anew when they are needed.
const CURRENT_MAX: usize = 1_024;
/// Keys for decryption that are kept open; then all are forgotten, and opened again when they are needed.
const OPEN_MAX: usize = 1_024;
const MD5_BYTES: usize = 16;

/// A body cannot be decrypted: it or its key was changed, or belongs elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an encrypted body does not fit its key, its queue or its message")]
pub(crate) struct UnreadableBody;

/// A body in the clear, with its MD5.
#[derive(PartialEq, Eq)]
pub(crate) struct Body {
    pub(crate) text: String,
    pub(crate) md5: [u8; MD5_BYTES],
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body(hidden, {} bytes)", self.text.len())
    }
}

/// The keys of a server that encrypts. Cheap to clone.
#[derive(Clone)]
pub struct Encryption(Arc<Keys>);

struct Keys {
    server_key: SealingKey,
    deduplication: Hmac<Sha256>,
    clock: Arc<dyn Clock>,
    /// By the first partition of their queue.
    current: RwLock<HashMap<u64, Arc<CurrentKey>>>,
    /// As they stand in envelopes.
    open: RwLock<HashMap<Vec<u8>, Arc<DataKey>>>,
}

impl fmt::Debug for Encryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Encryption(hidden)")
    }
}

impl Encryption {
    /// Opens the server key with the master key. Without a master key there is no encryption, and there must be no server key.
    ///
    /// # Errors
    /// [`OpenError`]
    pub async fn open(
        mut shard: Box<dyn Shard>,
        master_keys: MasterKeys,
        clock: Arc<dyn Clock>,
    ) -> Result<Option<Self>, OpenError> {
        // Reading waits for the disk, which a task must not.
        let open = move || server_key::open(&mut *shard, &master_keys);
        let server_key = tokio::task::spawn_blocking(open).await??;
        Ok(server_key.map(|server_key| Self::new(server_key, clock)))
    }

    fn new(server_key: SealingKey, clock: Arc<dyn Clock>) -> Self {
        let secret: [u8; KEY_BYTES] = server_key.derived(b"sluice deduplication 1");
        let deduplication = Hmac::new_from_slice(&secret).expect("HMAC takes keys of any length");
        let (current, open) = (RwLock::default(), RwLock::default());
        Self(Arc::new(Keys { server_key, deduplication, clock, current, open }))
    }

    /// What the material of KMS keys is sealed with.
    pub(crate) fn root_of_keys(&self) -> SealingKey {
        self.derived_key(b"sluice root of keys 1")
    }

    /// A shard for rows that hold secrets: their values are sealed, and those that are not yet are sealed now. Waits for the
    /// disk.
    ///
    /// # Errors
    /// [`StoreError`], with nothing left that uses the shard.
    pub(crate) fn sealed(&self, shard: Box<dyn Shard>) -> Result<Box<dyn Shard>, StoreError> {
        let key = self.derived_key(b"sluice rows of identities 1");
        Ok(Box::new(SealedShard::over(shard, key)?))
    }

    fn derived_key(&self, purpose: &[u8]) -> SealingKey {
        SealingKey::new(&Zeroizing::new(self.0.server_key.derived(purpose)))
    }

    /// A digest that only who has the key can make: the digest of a deduplication id that was made from a body tells nothing
    /// of the body.
    pub(crate) fn keyed_digest(&self) -> Hmac<Sha256> {
        self.0.deduplication.clone()
    }

    /// A data key that the server key seals.
    pub(crate) fn data_key(&self, wanted: &Use<'_>) -> Arc<CurrentKey> {
        let context = key_context(wanted.queue_arn);
        let seal = |key: &[u8; KEY_BYTES]| Ok(self.0.server_key.seal(&context, key));
        let made: Result<_, Infallible> = self.data_key_sealed_by(wanted, seal);
        let Ok(key) = made;
        key
    }

    /// A data key that is in use for a queue, or a new one, which `seal` seals.
    ///
    /// # Errors
    /// What `seal` says.
    pub(crate) fn data_key_sealed_by<E>(
        &self,
        wanted: &Use<'_>,
        seal: impl FnOnce(&[u8; KEY_BYTES]) -> Result<Vec<u8>, E>,
    ) -> Result<Arc<CurrentKey>, E> {
        let now_ms = self.0.clock.now_ms();
        let current = self.0.current.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = current.get(&wanted.partition)
            && key.take(wanted, now_ms)
        {
            return Ok(Arc::clone(key));
        }
        drop(current);
        // Somebody else may do the same at this moment; then one of the two keys is used a little.
        let key = Arc::new(CurrentKey::make(wanted, now_ms, seal)?);
        let mut current = self.0.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.len() >= CURRENT_MAX {
            current.clear();
        }
        current.insert(wanted.partition, Arc::clone(&key));
        Ok(key)
    }

    /// Encrypts the body of a message for the queue with an ARN.
    pub(crate) fn encrypt(
        key: &CurrentKey,
        queue_arn: &str,
        id: Uuid,
        text: &str,
        md5: [u8; MD5_BYTES],
    ) -> Envelope {
        let mut ciphertext = Vec::with_capacity(MD5_BYTES + text.len() + 16);
        ciphertext.extend_from_slice(&md5);
        ciphertext.extend_from_slice(text.as_bytes());
        let nonce = key.key.encrypt(&body_context(queue_arn, id), &mut ciphertext);
        let (sealed_by, sealed_key) = (key.sealed_by(), key.sealed.clone());
        Envelope { queue: None, id: None, sealed_by, sealed_key, nonce, ciphertext }
    }

    /// Decrypts the body of a message in a queue whose data key the server key sealed.
    pub(crate) fn decrypt(
        &self,
        queue_arn: &str,
        id: Uuid,
        envelope: Envelope,
    ) -> Result<Body, UnreadableBody> {
        let arn = envelope.queue.as_deref().unwrap_or(queue_arn);
        let key = self.open_key(arn, &envelope.sealed_key).ok_or(UnreadableBody)?;
        Self::decrypt_with(&key, queue_arn, id, envelope)
    }

    /// Decrypts the body of a message in a queue whose data key a key of KMS sealed. `open` asks that for the data key, which was
    /// made for the queue with an ARN; it is asked each time, because an answer holds for one caller and now.
    pub(crate) fn unlock<E>(
        &self,
        queue_arn: &str,
        id: Uuid,
        envelope: Envelope,
        open: impl FnOnce(&str, &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, E>,
    ) -> Result<Result<Body, UnreadableBody>, E> {
        let arn = envelope.queue.as_deref().unwrap_or(queue_arn);
        let key = open(arn, &envelope.sealed_key)?.and_then(|key| DataKey::opened(&key));
        Ok(key
            .ok_or(UnreadableBody)
            .and_then(|key| Self::decrypt_with(&key, queue_arn, id, envelope)))
    }

    fn decrypt_with(
        key: &DataKey,
        queue_arn: &str,
        id: Uuid,
        mut envelope: Envelope,
    ) -> Result<Body, UnreadableBody> {
        let queue_arn = envelope.queue.as_deref().unwrap_or(queue_arn);
        let id = envelope.id.unwrap_or(id);
        let context = body_context(queue_arn, id);
        let bytes = key.decrypt(&context, envelope.nonce, &mut envelope.ciphertext);
        let (md5, text) =
            bytes.and_then(|bytes| bytes.split_first_chunk::<MD5_BYTES>()).ok_or(UnreadableBody)?;
        let text = std::str::from_utf8(text).map_err(|_| UnreadableBody)?.to_owned();
        Ok(Body { text, md5: *md5 })
    }

    fn open_key(&self, queue_arn: &str, sealed: &[u8]) -> Option<Arc<DataKey>> {
        let open = self.0.open.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = open.get(sealed) {
            return Some(Arc::clone(key));
        }
        drop(open);
        let key = Arc::new(DataKey::open(&self.0.server_key, queue_arn, sealed)?);
        let mut open = self.0.open.write().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= OPEN_MAX {
            open.clear();
        }
        open.insert(sealed.to_vec(), Arc::clone(&key));
        Some(key)
    }
}

/// What a body is bound to.
fn body_context(queue_arn: &str, id: Uuid) -> Vec<u8> {
    context(&[b"body", queue_arn.as_bytes(), id.as_bytes()])
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    const ARN: &str = "arn:aws:sqs:us-east-1:000000000000:q";
    const WANTED: Use<'_> =
        Use { queue_arn: ARN, partition: 1, kms_key: None, reuse_secs: 60, bodies: 1 };

    fn encrypted(encryption: &Encryption, partition: u64, text: &str) -> Envelope {
        let key = encryption.data_key(&Use { partition, ..WANTED });
        Encryption::encrypt(&key, ARN, id(1), text, [7; 16])
    }

    #[derive(Debug)]
    struct Set(AtomicU64);

    impl Clock for Set {
        fn now_ms(&self) -> u64 {
            self.0.load(Ordering::Relaxed)
        }
    }

    fn encryption() -> (Encryption, Arc<Set>) {
        let clock = Arc::new(Set(AtomicU64::new(1_000_000)));
        (Encryption::new(SealingKey::new(&[1; KEY_BYTES]), Arc::<Set>::clone(&clock)), clock)
    }

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    #[test]
    fn a_body_is_read_as_it_was_written_and_only_where_it_belongs() {
        let (encryption, _) = encryption();
        let envelope = encrypted(&encryption, 1, "hello");
        assert!(!envelope.ciphertext.windows(5).any(|window| window == b"hello"));
        let body = encryption.decrypt(ARN, id(1), envelope.clone()).expect("its own");
        assert_eq!((body.text.as_str(), body.md5), ("hello", [7; 16]));
        assert!(encryption.decrypt(ARN, id(2), envelope.clone()).is_err(), "another message");
        assert!(encryption.decrypt("arn:other", id(1), envelope.clone()).is_err(), "another queue");
        let mut moved = envelope.clone();
        moved.leave(ARN, id(1));
        assert!(encryption.decrypt("arn:other", id(2), moved).is_ok(), "it was moved");
        for index in 0..envelope.ciphertext.len() {
            let mut changed = envelope.clone();
            changed.ciphertext[index] ^= 1;
            assert!(encryption.decrypt(ARN, id(1), changed).is_err(), "byte {index}");
        }
        let (mut nonce, mut key) = (envelope.clone(), envelope);
        nonce.nonce[0] ^= 1;
        key.sealed_key[40] ^= 1;
        assert!(encryption.decrypt(ARN, id(1), nonce).is_err());
        assert!(encryption.decrypt(ARN, id(1), key).is_err());
    }

    #[test]
    fn a_data_key_is_reused_for_its_period_and_old_bodies_are_read_after_it() {
        let (encryption, clock) = encryption();
        let encrypted = |partition| encrypted(&encryption, partition, "x");
        let (first, second, other) = (encrypted(1), encrypted(1), encrypted(2));
        assert_eq!(first.sealed_key, second.sealed_key);
        assert_ne!(first.nonce, second.nonce);
        assert_ne!(first.sealed_key, other.sealed_key, "each queue has its own");
        clock.0.fetch_add(60_000, Ordering::Relaxed);
        assert_ne!(encrypted(1).sealed_key, first.sealed_key);
        assert!(encryption.decrypt(ARN, id(1), first).is_ok());
    }

    #[test]
    fn keys_that_are_kept_are_bounded() {
        let (encryption, _) = encryption();
        for partition in 0..=2_000 {
            let envelope = encrypted(&encryption, partition, "x");
            assert!(encryption.decrypt(ARN, id(1), envelope).is_ok());
        }
        let kept = |count: usize| assert!((1..=1_024).contains(&count), "{count}");
        kept(encryption.0.current.read().expect("nobody panicked").len());
        kept(encryption.0.open.read().expect("nobody panicked").len());
    }
}
