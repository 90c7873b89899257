//! Access keys: an id that tells the account, and a secret.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use super::last_use::LastUse;
use super::secret::Secret;
use super::unique_id::{ALPHABET, letter};
use crate::random;

/// Letters after the prefix: 80 bits.
const LETTERS: u32 = 16;
const PREFIX_LETTERS: usize = 4;
/// Random bits below the account.
const RANDOM_BITS: u32 = 39;
/// Marks the form of ids that have the account in them.
const FORM_BIT: u128 = 1 << 79;
const ACCOUNT_MASK: u128 = (1 << 40) - 1;
/// Becomes a secret of 40 letters.
const SECRET_BYTES: usize = 30;

/// Whether a key is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyStatus {
    /// It is.
    Active,
    /// Not now.
    Inactive,
}

/// An access key of a user or of an account's root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKey {
    /// `AKIA…`
    pub id: String,
    /// Signs requests.
    pub secret: Secret,
    /// Whether it is accepted.
    pub status: KeyStatus,
    /// When it was created, epoch milliseconds.
    pub created_at_ms: u64,
    /// When it was last used, as far as that is stored. Rows of earlier versions do not know of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_use: Option<LastUse>,
}

impl AccessKey {
    /// Makes a key of an account, with an id that `is_taken` does not know.
    pub fn new(account: &str, now_ms: u64, is_taken: impl Fn(&str) -> bool) -> Self {
        let mut id = new_id("AKIA", account);
        while is_taken(&id) {
            id = new_id("AKIA", account);
        }
        Self::active(id, new_secret(), now_ms)
    }

    /// Makes a key of what it is to be.
    pub(super) fn active(id: String, secret: Secret, now_ms: u64) -> Self {
        Self { id, secret, status: KeyStatus::Active, created_at_ms: now_ms, last_use: None }
    }
}

/// Makes the id of an access key: prefix, account, random bits.
pub(super) fn new_id(prefix: &str, account: &str) -> String {
    let account: u128 = account.parse().unwrap_or_default();
    let random = u128::from(u64::from_be_bytes(random::bytes()) >> (64 - RANDOM_BITS));
    let bits = FORM_BIT | (account & ACCOUNT_MASK) << RANDOM_BITS | random;
    let letters = (0..LETTERS).rev().map(|place| letter((bits >> (place * 5)) as u8));
    prefix.chars().chain(letters).collect()
}

/// Makes a secret access key.
pub(super) fn new_secret() -> Secret {
    Secret::new(BASE64_STANDARD.encode(random::bytes::<SECRET_BYTES>()))
}

/// The account that an access key id was made for, whether the key exists or not.
pub fn account_of(access_key_id: &str) -> Option<String> {
    let letters = access_key_id.as_bytes().get(PREFIX_LETTERS..)?;
    if letters.len() != LETTERS as usize {
        return None;
    }
    let value = |letter: &u8| ALPHABET.iter().position(|it| it == letter).map(|it| it as u128);
    let bits = letters.iter().try_fold(0, |bits: u128, letter| Some(bits << 5 | value(letter)?))?;
    let account = bits >> RANDOM_BITS & ACCOUNT_MASK;
    let is_account = bits & FORM_BIT != 0 && account < 1_000_000_000_000;
    is_account.then(|| format!("{account:012}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_key_id_tells_its_account() {
        for account in ["000000000000", "123456789012", "999999999999"] {
            let key = AccessKey::new(account, 7, |_| false);
            assert_eq!(account_of(&key.id).as_deref(), Some(account), "{}", key.id);
            assert_eq!((key.id.len(), key.secret.expose().len()), (20, 40));
            assert!(key.id.starts_with("AKIA") && key.status == KeyStatus::Active);
        }
        // From the documentation of AWS: an id of the old form, without account.
        for other in ["AKIAIOSFODNN7EXAMPLE", "AKIDEXAMPLE", "", "AKIAé", "AKIA1111111111111111"] {
            assert_eq!(account_of(other), None, "{other}");
        }
    }

    #[test]
    fn ids_and_secrets_differ() {
        let [one, other] = [(); 2].map(|()| AccessKey::new("123456789012", 7, |_| false));
        assert_ne!(one.id, other.id);
        assert_ne!(one.secret, other.secret);
        let is_taken = |id: &str| id == one.id;
        assert_ne!(AccessKey::new("123456789012", 7, is_taken).id, one.id);
    }
}
