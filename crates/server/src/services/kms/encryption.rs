//! What `Encrypt`, `Decrypt` and their kind have in common.

use std::sync::Arc;

use sluice_wire::{AwsError, Blob};
use zeroize::Zeroizing;

use super::key_metadata::ALGORITHM;
use super::limits::{CIPHERTEXT_BYTES_MAX, CONTEXT_BYTES_MAX};
use super::target::place;
use super::{errors, named_key};
use crate::keys::{Ciphertext, EncryptionContext, Key, KeyError};
use crate::services::constraints::Constraints;
use crate::services::{Context, InputKeys, Resource};

/// Those of KMS, only the first of which symmetric keys have.
const ALGORITHMS: [&str; 4] = [ALGORITHM, "RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "SM2PKE"];

/// What a ciphertext held.
pub(super) struct Opened {
    pub(super) key: Arc<Key>,
    pub(super) plaintext: Zeroizing<Vec<u8>>,
    pub(super) material_id: String,
}

/// Condition keys of a request that encrypts or decrypts.
pub(super) fn keys() -> InputKeys {
    InputKeys::default().with("kms:EncryptionAlgorithm", [ALGORITHM.to_owned()])
}

/// What a request acts on that decrypts: the key that it names, else the one that the ciphertext names.
pub(super) fn decrypting(
    key: &Option<String>,
    ciphertext: &Option<Blob>,
    encryption_context: &Option<EncryptionContext>,
) -> Resource {
    if key.is_some() {
        return named_key::with_context(key, encryption_context.as_ref());
    }
    let encryption_context = encryption_context.clone().unwrap_or_default();
    Resource::KeyOfCiphertext { ciphertext: ciphertext.clone(), encryption_context }
}

/// What a ciphertext must satisfy.
pub(super) fn with_ciphertext(constraints: Constraints, blob: Option<&Blob>) -> Constraints {
    let bytes = blob.map(|blob| &*blob.0);
    constraints.given("ciphertextBlob", blob).bytes(
        "ciphertextBlob",
        bytes,
        1,
        CIPHERTEXT_BYTES_MAX,
    )
}

/// What the name of an algorithm must satisfy.
pub(super) fn with_algorithm(
    constraints: Constraints,
    parameter: &str,
    algorithm: Option<&str>,
) -> Constraints {
    constraints.one_of(parameter, algorithm, &ALGORITHMS)
}

/// What an encryption context must satisfy.
pub(super) fn with_context(
    constraints: Constraints,
    parameter: &str,
    encryption_context: Option<&EncryptionContext>,
) -> Constraints {
    let length = encryption_context.map(EncryptionContext::bytes_count);
    constraints.length(parameter, length, 0, CONTEXT_BYTES_MAX)
}

/// Refuses an algorithm of other keys.
pub(super) fn check_algorithm(key: &Key, algorithm: Option<&str>) -> Result<(), AwsError> {
    match algorithm {
        Some(other) if other != ALGORITHM => Err(errors::invalid_algorithm(&key.arn(), other)),
        Some(_) | None => Ok(()),
    }
}

/// Ends a request that only asks whether it would succeed.
pub(super) fn check_dry_run(dry_run: Option<bool>) -> Result<(), AwsError> {
    if dry_run == Some(true) { Err(errors::dry_run()) } else { Ok(()) }
}

/// Decrypts with the key and algorithm that are named, or with the key that the ciphertext names.
pub(super) fn open(
    context: &Context,
    (named, algorithm): (&Option<String>, Option<&str>),
    blob: &Blob,
    encryption_context: &EncryptionContext,
) -> Result<Opened, AwsError> {
    let ciphertext = Ciphertext::parse(&blob.0).ok_or(KeyError::InvalidCiphertext)?;
    let key = match named {
        Some(_) => {
            errors::check(named_key::constraints(named))?;
            named_key::found(context, named)?
        }
        None => {
            let snapshot = context.keys.snapshot();
            Arc::clone(snapshot.key_of(&ciphertext, &place(context), context.now_ms)?)
        }
    };
    check_algorithm(&key, algorithm)?;
    let (plaintext, material) = context.keys.decrypt(&key, encryption_context, &ciphertext)?;
    let material_id = material.id.clone();
    Ok(Opened { key, plaintext, material_id })
}
