//! A ciphertext as `Encrypt` gives it out. It says which key and material decrypt it.
//!
//! | bytes | what |
//! |---|---|
//! | 4 | `SKC` and the version, 1 |
//! | 16 | id of the key |
//! | 32 | id of the material |
//! | 32 | salt |
//! | as many as the plaintext | ciphertext |
//! | 16 | tag |
//!
//! The last three are what [`SealingKey`] makes. The tag covers everything before it, and the encryption context.

use uuid::Uuid;
use zeroize::Zeroizing;

use super::encryption_context::EncryptionContext;
use super::material::MATERIAL_ID_BYTES;
use crate::encryption::{SealingKey, context};
use crate::hex;

const MAGIC: [u8; 4] = *b"SKC\x01";
const ID_BYTES: usize = 16;
const HEAD_BYTES: usize = MAGIC.len() + ID_BYTES + MATERIAL_ID_BYTES;

/// A ciphertext, looked at from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ciphertext<'a> {
    head: &'a [u8],
    sealed: &'a [u8],
}

impl<'a> Ciphertext<'a> {
    /// Reads a ciphertext of this server.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (head, sealed) = bytes.split_at_checked(HEAD_BYTES)?;
        head.starts_with(&MAGIC).then_some(Self { head, sealed })
    }

    /// Id of the key that made it.
    pub fn key_id(&self) -> String {
        let id = self.head[MAGIC.len()..][..ID_BYTES].try_into().expect("so many bytes");
        Uuid::from_bytes(id).to_string()
    }

    /// Id of the material that made it.
    pub fn material_id(&self) -> String {
        hex::text(&self.head[MAGIC.len() + ID_BYTES..])
    }

    /// Encrypts; nothing if these are no ids.
    pub(super) fn encrypt(
        secret: &SealingKey,
        (key_id, material_id): (&str, &str),
        encryption_context: &EncryptionContext,
        plaintext: &[u8],
    ) -> Option<Vec<u8>> {
        let key_id = Uuid::parse_str(key_id).ok()?;
        let mut bytes = Vec::with_capacity(HEAD_BYTES + plaintext.len() + 48);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(key_id.as_bytes());
        bytes.extend_from_slice(&hex::bytes::<MATERIAL_ID_BYTES>(material_id)?);
        let sealed = secret.seal(&bound_to(&bytes, encryption_context), plaintext);
        bytes.extend_from_slice(&sealed);
        Some(bytes)
    }

    /// Decrypts, unless something was changed or another encryption context belongs to it.
    pub(super) fn decrypt(
        &self,
        secret: &SealingKey,
        encryption_context: &EncryptionContext,
    ) -> Option<Zeroizing<Vec<u8>>> {
        secret.open(&bound_to(self.head, encryption_context), self.sealed)
    }
}

fn bound_to(head: &[u8], encryption_context: &EncryptionContext) -> Vec<u8> {
    let parts: Vec<&[u8]> = [head].into_iter().chain(encryption_context.parts()).collect();
    context(&parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encryption::KEY_BYTES;

    const KEY_ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

    fn encrypted(encryption_context: &EncryptionContext) -> Vec<u8> {
        let ids = (KEY_ID, &*"0f".repeat(32));
        Ciphertext::encrypt(&key(), ids, encryption_context, b"plain").expect("ids")
    }

    fn key() -> SealingKey {
        SealingKey::new(&[1; KEY_BYTES])
    }

    #[test]
    fn a_ciphertext_names_its_key_and_material_and_every_byte_of_it_counts() {
        let none = EncryptionContext::default();
        let bytes = encrypted(&none);
        let ciphertext = Ciphertext::parse(&bytes).expect("ours");
        assert_eq!(ciphertext.key_id(), KEY_ID);
        assert_eq!(ciphertext.material_id(), "0f".repeat(32));
        assert_eq!(ciphertext.decrypt(&key(), &none).expect("opens").as_slice(), b"plain");
        for index in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[index] ^= 1;
            let opened =
                Ciphertext::parse(&changed).and_then(|changed| changed.decrypt(&key(), &none));
            assert!(opened.is_none(), "byte {index}");
            let cut = Ciphertext::parse(&bytes[..index]);
            assert!(cut.and_then(|cut| cut.decrypt(&key(), &none)).is_none(), "{index} bytes");
        }
    }

    #[test]
    fn only_the_same_encryption_context_decrypts() {
        let context = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into()));
            EncryptionContext(pairs.collect())
        };
        let given = context(&[("a", "bc"), ("d", "e")]);
        let bytes = encrypted(&given);
        let opens = |context: &EncryptionContext| {
            Ciphertext::parse(&bytes).expect("ours").decrypt(&key(), context).is_some()
        };
        assert!(opens(&context(&[("d", "e"), ("a", "bc")])), "in any order");
        for other in [
            context(&[]),
            context(&[("ab", "c"), ("d", "e")]),
            context(&[("a", "bc")]),
            context(&[("a", "bc"), ("d", "E")]),
            context(&[("a", "bcd"), ("", "e")]),
        ] {
            assert!(!opens(&other), "{other:?}");
        }
    }
}
