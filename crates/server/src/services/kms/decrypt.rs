//! `Decrypt`: what was encrypted with a key, in the same encryption context.

use serde::{Deserialize, Serialize};
use sluice_wire::{AwsError, Blob};

use super::key_metadata::ALGORITHM;
use super::{encryption, errors};
use crate::keys::EncryptionContext;
use crate::services::constraints::Constraints;
use crate::services::{Context, InputKeys, Operation, Resource};

/// The operation.
pub(super) struct Decrypt;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    ciphertext_blob: Option<Blob>,
    #[serde(default)]
    encryption_context: Option<EncryptionContext>,
    #[serde(default)]
    key_id: Option<String>,
    #[serde(default)]
    encryption_algorithm: Option<String>,
    #[serde(default)]
    dry_run: Option<bool>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    key_id: String,
    plaintext: Blob,
    encryption_algorithm: &'static str,
    key_material_id: String,
}

impl Operation for Decrypt {
    const NAME: &'static str = "Decrypt";
    const IAM_ACTION: &'static str = "kms:Decrypt";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        encryption::decrypting(&input.key_id, &input.ciphertext_blob, &input.encryption_context)
    }

    fn keys(_: &Input) -> InputKeys {
        encryption::keys()
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let algorithm = input.encryption_algorithm.as_deref();
        let blob = input.ciphertext_blob.as_ref();
        let constraints = encryption::with_ciphertext(Constraints::new(), blob);
        let encryption_context = input.encryption_context.as_ref();
        let constraints =
            encryption::with_context(constraints, "encryptionContext", encryption_context);
        errors::check(encryption::with_algorithm(constraints, "encryptionAlgorithm", algorithm))?;
        let encryption_context = input.encryption_context.unwrap_or_default();
        let named = (&input.key_id, algorithm);
        let blob = blob.cloned().unwrap_or_default();
        let opened = encryption::open(context, named, &blob, &encryption_context)?;
        encryption::check_dry_run(input.dry_run)?;
        Ok(Output {
            key_id: opened.key.arn(),
            plaintext: Blob(opened.plaintext.to_vec().into()),
            encryption_algorithm: ALGORITHM,
            key_material_id: opened.material_id,
        })
    }
}
