//! Keys in the hands of a service that uses them for its caller.
//!
//! The caller needs permission for it, by the policy of the key and its own: `kms:ViaService` tells these by which service.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::ciphertext::Ciphertext;
use super::encryption_context::EncryptionContext;
use super::error::KeyError;
use super::key::Key;
use super::place::Place;
use super::reference::KeyReference;
use crate::services::{Context, InputKeys, Resource};

/// A service that uses keys for the caller of a request.
pub struct OnBehalf<'a> {
    context: &'a Context,
    /// As in `<service>.<region>.amazonaws.com`.
    service: &'static str,
    /// Where what the service uses keys for is: there are the keys that are named without a place.
    place: Place,
}

impl<'a> OnBehalf<'a> {
    /// A service, for example `sqs`, that uses keys for the caller in `context`.
    pub fn new(context: &'a Context, service: &'static str, place: Place) -> Self {
        Self { context, service, place }
    }

    /// Finds a key by id, ARN or alias; nobody needs permission for that. `alias/aws/<service>` always exists.
    ///
    /// # Errors
    /// [`KeyError`]
    pub async fn find(&self, reference: &str) -> Result<Arc<Key>, KeyError> {
        let reference = KeyReference::parse(reference, &self.place)?;
        self.context.keys.find(&reference, &self.place, self.context.now_ms).await
    }

    /// Decrypts with the key that a ciphertext names. The caller needs `kms:Decrypt`.
    ///
    /// # Errors
    /// [`KeyError`]
    pub fn decrypt(
        &self,
        ciphertext: &[u8],
        encryption_context: &EncryptionContext,
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let ciphertext = Ciphertext::parse(ciphertext).ok_or(KeyError::InvalidCiphertext)?;
        let snapshot = self.context.keys.snapshot();
        let key = snapshot.key_of(&ciphertext, &self.place, self.context.now_ms)?;
        self.authorise("kms:Decrypt", key, encryption_context)?;
        let (plaintext, _) = self.context.keys.decrypt(key, encryption_context, &ciphertext)?;
        Ok(plaintext)
    }

    /// Decides whether the caller may do something with a key by way of the service.
    ///
    /// # Errors
    /// [`KeyError::AccessDenied`]
    pub fn authorise(
        &self,
        action: &'static str,
        key: &Key,
        encryption_context: &EncryptionContext,
    ) -> Result<(), KeyError> {
        let via = format!("{}.{}.amazonaws.com", self.service, self.context.region);
        let resource =
            Resource::Key { key: Some(key.arn()), encryption_context: encryption_context.clone() };
        let keys = || InputKeys::default().with("kms:ViaService", [via]);
        let decided = self.context.authoriser.authorise(self.context, action, &resource, keys);
        decided.map_err(|denied| KeyError::AccessDenied(denied.message().to_owned()))
    }
}
