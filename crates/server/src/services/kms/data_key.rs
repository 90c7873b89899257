//! Keys for data: how many bytes, and random ones.

use std::sync::Arc;

use serde::Deserialize;
use sluice_wire::AwsError;
use zeroize::Zeroizing;

use super::limits::RANDOM_BYTES_MAX;
use super::{encryption, errors, named_key};
use crate::keys::{EncryptionContext, Key};
use crate::random;
use crate::services::{Context, Resource};

const SPECS: [&str; 2] = ["AES_256", "AES_128"];

/// Request of the operations that make one.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Request {
    #[serde(default)]
    key_id: Option<String>,
    #[serde(default)]
    encryption_context: Option<EncryptionContext>,
    #[serde(default)]
    number_of_bytes: Option<i64>,
    #[serde(default)]
    key_spec: Option<String>,
    #[serde(default)]
    dry_run: Option<bool>,
}

/// A key for data, in the clear and encrypted.
pub(super) struct DataKey {
    pub(super) plaintext: Zeroizing<Vec<u8>>,
    pub(super) ciphertext: Vec<u8>,
    /// What encrypted it.
    pub(super) key: Arc<Key>,
}

impl Request {
    pub(super) fn resource(&self) -> Resource {
        named_key::with_context(&self.key_id, self.encryption_context.as_ref())
    }

    /// Makes what is asked for.
    pub(super) fn make(self, context: &Context) -> Result<DataKey, AwsError> {
        let plaintext = random(self.size()?);
        let key = named_key::found(context, &self.key_id)?;
        let encryption_context = self.encryption_context.unwrap_or_default();
        let ciphertext = context.keys.encrypt(&key, &encryption_context, &plaintext)?;
        encryption::check_dry_run(self.dry_run)?;
        Ok(DataKey { plaintext, ciphertext, key })
    }

    fn size(&self) -> Result<usize, AwsError> {
        let constraints = named_key::constraints(&self.key_id)
            .number("numberOfBytes", self.number_of_bytes, 1, RANDOM_BYTES_MAX)
            .one_of("keySpec", self.key_spec.as_deref(), &SPECS);
        let encryption_context = self.encryption_context.as_ref();
        let constraints =
            encryption::with_context(constraints, "encryptionContext", encryption_context);
        errors::check(constraints)?;
        match (self.number_of_bytes.map(usize::try_from), self.key_spec.as_deref()) {
            (Some(Ok(count)), None) => Ok(count),
            (None, Some("AES_128")) => Ok(16),
            (None, Some(_)) => Ok(32),
            (Some(_), _) | (None, None) => {
                Err(errors::validation("Please specify either number of bytes or key spec."))
            }
        }
    }
}

/// Makes so many random bytes.
pub(super) fn random(count: usize) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(vec![0; count]);
    random::fill(&mut bytes);
    bytes
}
