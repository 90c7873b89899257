//! Secrets sealed with a key: encrypted and authenticated with AES-256-GCM.
//!
//! A sealed secret is a salt of 32 bytes, the ciphertext, and a tag of 16 bytes. Each is encrypted with a key of its own, which
//! HKDF-SHA-256 derives from the sealing key and the salt, so that no number of secrets exhausts the sealing key.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use bytes::BufMut;
use zeroize::Zeroizing;

use crate::random;

/// Bytes of every key.
pub(crate) const KEY_BYTES: usize = 32;
const SALT_BYTES: usize = 32;
const INFO: &[u8] = b"sluice sealed secret 1";

/// Seals secrets. Overwritten when dropped.
pub(crate) struct SealingKey(Zeroizing<[u8; KEY_BYTES]>);

/// A number of bytes to derive.
struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

impl SealingKey {
    pub(crate) fn new(key: &[u8; KEY_BYTES]) -> Self {
        Self(Zeroizing::new(*key))
    }

    /// Seals a secret. Only who gives the same context opens it.
    pub(crate) fn seal(&self, context: &[u8], secret: &[u8]) -> Vec<u8> {
        let salt: [u8; SALT_BYTES] = random::bytes();
        let mut sealed = Zeroizing::new(secret.to_vec());
        self.key(&salt)
            .seal_in_place_append_tag(only_nonce(), Aad::from(context), &mut *sealed)
            .expect("a secret is shorter than what the cipher takes");
        [&salt, sealed.as_slice()].concat()
    }

    /// Returns the secret, if this key sealed it in this context.
    pub(crate) fn open(&self, context: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (salt, sealed) = sealed.split_at_checked(SALT_BYTES)?;
        let mut bytes = Zeroizing::new(sealed.to_vec());
        let opened = self.key(salt).open_in_place(only_nonce(), Aad::from(context), &mut bytes);
        let length = opened.ok()?.len();
        bytes.truncate(length);
        Some(bytes)
    }

    /// Returns the key that this one sealed in this context.
    pub(crate) fn open_key(
        &self,
        context: &[u8],
        sealed: &[u8],
    ) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
        let key = self.open(context, sealed)?;
        <[u8; KEY_BYTES]>::try_from(key.as_slice()).ok().map(Zeroizing::new)
    }

    /// Derives bytes for a purpose; they tell nothing of the key.
    pub(super) fn derived<const COUNT: usize>(&self, purpose: &[u8]) -> [u8; COUNT] {
        let mut bytes = [0; COUNT];
        let key = Salt::new(HKDF_SHA256, &[]).extract(&*self.0);
        key.expand(&[purpose], Bytes(COUNT))
            .and_then(|derived| derived.fill(&mut bytes))
            .expect("HKDF derives so few bytes");
        bytes
    }

    fn key(&self, salt: &[u8]) -> LessSafeKey {
        let key = Salt::new(HKDF_SHA256, salt).extract(&*self.0);
        let derived = key.expand(&[INFO], &AES_256_GCM).expect("HKDF derives a key");
        LessSafeKey::new(UnboundKey::from(derived))
    }
}

/// The key of a salt encrypts once.
fn only_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

/// Writes down texts so that no others are written the same way.
pub(crate) fn context(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len() + 4).sum());
    for part in parts {
        bytes.put_u32(u32::try_from(part.len()).expect("names are bounded far below 4 GiB"));
        bytes.put_slice(part);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_with_its_key_and_context_and_whole() {
        let key = SealingKey::new(&[1; KEY_BYTES]);
        let sealed = key.seal(b"context", b"secret");
        assert_eq!(key.open(b"context", &sealed).expect("opens").as_slice(), b"secret");
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
        assert_ne!(key.seal(b"context", b"secret"), sealed, "never the same twice");
        assert!(key.open(b"other", &sealed).is_none());
        assert!(SealingKey::new(&[2; KEY_BYTES]).open(b"context", &sealed).is_none());
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(key.open(b"context", &changed).is_none(), "byte {index}");
            assert!(key.open(b"context", &sealed[..index]).is_none(), "{index} bytes");
        }
    }

    #[test]
    fn contexts_are_told_apart_also_where_they_meet() {
        assert_ne!(context(&[b"a", b"bc"]), context(&[b"ab", b"c"]));
        assert_ne!(context(&[b"", b"a"]), context(&[b"a"]));
        assert_eq!(context(&[b"a", b"b"]), context(&[b"a", b"b"]));
    }
}
