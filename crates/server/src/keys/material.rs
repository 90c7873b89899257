//! The material of a key: the secret that encrypts, sealed with the root of all keys.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::place::Place;
use crate::encryption::{KEY_BYTES, SealingKey, context};
use crate::{hex, random};

/// Bytes of the id of a material.
pub(super) const MATERIAL_ID_BYTES: usize = 32;

/// A version of the secret of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Material {
    /// 64 hexadecimal digits.
    pub id: String,
    /// Epoch milliseconds.
    pub made_at_ms: u64,
    /// Why it was made.
    pub origin: MaterialOrigin,
    /// The secret, sealed, in base64.
    pub(super) sealed: String,
}

/// Why a material was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MaterialOrigin {
    /// With its key.
    Created,
    /// Its time had come.
    Automatic,
    /// Somebody asked for it.
    OnDemand,
}

impl Material {
    /// Makes a new secret for a key.
    pub(super) fn make(
        root: &SealingKey,
        (place, key_id): (&Place, &str),
        origin: MaterialOrigin,
        now_ms: u64,
    ) -> Self {
        let id = hex::text(random::bytes::<MATERIAL_ID_BYTES>());
        let secret: Zeroizing<[u8; KEY_BYTES]> = Zeroizing::new(random::bytes());
        let sealed = root.seal(&sealed_for(place, key_id, &id), &*secret);
        Self { id, made_at_ms: now_ms, origin, sealed: BASE64_STANDARD.encode(sealed) }
    }

    /// Opens the secret, unless it belongs to another key or was changed.
    pub(super) fn open(
        &self,
        root: &SealingKey,
        (place, key_id): (&Place, &str),
    ) -> Option<SealingKey> {
        let sealed = BASE64_STANDARD.decode(&self.sealed).ok()?;
        let secret = root.open_key(&sealed_for(place, key_id, &self.id), &sealed)?;
        Some(SealingKey::new(&secret))
    }

    /// Whether it is as it was written, as far as that can be said without the root.
    pub(super) fn is_whole(&self) -> bool {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        self.id.len() == 2 * MATERIAL_ID_BYTES
            && self.id.bytes().all(is_digit)
            && BASE64_STANDARD.decode(&self.sealed).is_ok_and(|sealed| sealed.len() > KEY_BYTES)
    }
}

/// What a material is bound to.
fn sealed_for(place: &Place, key_id: &str, material_id: &str) -> Vec<u8> {
    let (account, region) = (place.account.as_bytes(), place.region.as_bytes());
    context(&[b"key material", account, region, key_id.as_bytes(), material_id.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn material_opens_with_its_root_for_its_key_only() {
        let root = SealingKey::new(&[1; KEY_BYTES]);
        let (place, other) = (Place::new("1", "r"), Place::new("1", "s"));
        let material = Material::make(&root, (&place, "k"), MaterialOrigin::Created, 7);
        assert!(material.is_whole());
        assert!(material.open(&root, (&place, "k")).is_some());
        assert!(material.open(&root, (&place, "l")).is_none(), "another key");
        assert!(material.open(&root, (&other, "k")).is_none(), "another region");
        assert!(material.open(&SealingKey::new(&[2; KEY_BYTES]), (&place, "k")).is_none());
        let renamed = Material { id: "0".repeat(64), ..material.clone() };
        assert!(renamed.open(&root, (&place, "k")).is_none(), "another version");
        assert!(!Material { sealed: "!".to_owned(), ..material }.is_whole());
    }
}
