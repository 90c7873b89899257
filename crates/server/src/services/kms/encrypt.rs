//! `Encrypt`: what only a key can read, in the same encryption context.

use serde::{Deserialize, Serialize};
use sluice_wire::{AwsError, Blob};

use super::key_metadata::ALGORITHM;
use super::limits::PLAINTEXT_BYTES_MAX;
use super::{encryption, errors, named_key};
use crate::keys::EncryptionContext;
use crate::services::{Context, InputKeys, Operation, Resource};

/// The operation.
pub(super) struct Encrypt;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    key_id: Option<String>,
    #[serde(default)]
    plaintext: Option<Blob>,
    #[serde(default)]
    encryption_context: Option<EncryptionContext>,
    #[serde(default)]
    encryption_algorithm: Option<String>,
    #[serde(default)]
    dry_run: Option<bool>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    ciphertext_blob: Blob,
    key_id: String,
    encryption_algorithm: &'static str,
}

impl Operation for Encrypt {
    const NAME: &'static str = "Encrypt";
    const IAM_ACTION: &'static str = "kms:Encrypt";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        named_key::with_context(&input.key_id, input.encryption_context.as_ref())
    }

    fn keys(_: &Input) -> InputKeys {
        encryption::keys()
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let (plaintext, algorithm) =
            (input.plaintext.as_ref(), input.encryption_algorithm.as_deref());
        let bytes = plaintext.map(|plaintext| &*plaintext.0);
        let constraints = named_key::constraints(&input.key_id)
            .given("plaintext", plaintext)
            .bytes("plaintext", bytes, 1, PLAINTEXT_BYTES_MAX);
        let encryption_context = input.encryption_context.as_ref();
        let constraints =
            encryption::with_context(constraints, "encryptionContext", encryption_context);
        errors::check(encryption::with_algorithm(constraints, "encryptionAlgorithm", algorithm))?;
        let key = named_key::found(context, &input.key_id)?;
        encryption::check_algorithm(&key, algorithm)?;
        let encryption_context = input.encryption_context.unwrap_or_default();
        let bytes = bytes.unwrap_or_default();
        let ciphertext = context.keys.encrypt(&key, &encryption_context, bytes)?;
        encryption::check_dry_run(input.dry_run)?;
        Ok(Output {
            ciphertext_blob: Blob(ciphertext.into()),
            key_id: key.arn(),
            encryption_algorithm: ALGORITHM,
        })
    }
}
