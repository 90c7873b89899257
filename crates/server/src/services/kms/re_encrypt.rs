//! `ReEncrypt`: what was encrypted with one key, encrypted with another: nobody sees it in the clear.

use serde::{Deserialize, Serialize};
use sluice_wire::{AwsError, Blob};

use super::key_metadata::ALGORITHM;
use super::limits::KEY_ID_CHARS_MAX;
use super::{encryption, errors, named_key};
use crate::keys::EncryptionContext;
use crate::services::constraints::Constraints;
use crate::services::{Context, InputKeys, Operation, Resource};

/// The operation.
pub(super) struct ReEncrypt;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    ciphertext_blob: Option<Blob>,
    #[serde(default)]
    source_encryption_context: Option<EncryptionContext>,
    #[serde(default)]
    source_key_id: Option<String>,
    #[serde(default)]
    destination_key_id: Option<String>,
    #[serde(default)]
    destination_encryption_context: Option<EncryptionContext>,
    #[serde(default)]
    source_encryption_algorithm: Option<String>,
    #[serde(default)]
    destination_encryption_algorithm: Option<String>,
    #[serde(default)]
    dry_run: Option<bool>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    ciphertext_blob: Blob,
    source_key_id: String,
    key_id: String,
    source_encryption_algorithm: &'static str,
    destination_encryption_algorithm: &'static str,
    source_key_material_id: String,
    destination_key_material_id: String,
}

impl Operation for ReEncrypt {
    const NAME: &'static str = "ReEncrypt";
    const IAM_ACTION: &'static str = "kms:ReEncryptFrom";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        let encryption_context = &input.source_encryption_context;
        encryption::decrypting(&input.source_key_id, &input.ciphertext_blob, encryption_context)
    }

    fn also_needs(input: &Input) -> Vec<(&'static str, Resource)> {
        let encryption_context = input.destination_encryption_context.as_ref();
        let destination = named_key::with_context(&input.destination_key_id, encryption_context);
        vec![("kms:ReEncryptTo", destination)]
    }

    fn keys(_: &Input) -> InputKeys {
        encryption::keys()
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        check(&input)?;
        let source_context = input.source_encryption_context.unwrap_or_default();
        let source = (&input.source_key_id, input.source_encryption_algorithm.as_deref());
        let blob = input.ciphertext_blob.unwrap_or_default();
        let opened = encryption::open(context, source, &blob, &source_context)?;
        let key = named_key::found(context, &input.destination_key_id)?;
        encryption::check_algorithm(&key, input.destination_encryption_algorithm.as_deref())?;
        let destination_context = input.destination_encryption_context.unwrap_or_default();
        let ciphertext = context.keys.encrypt(&key, &destination_context, &opened.plaintext)?;
        encryption::check_dry_run(input.dry_run)?;
        Ok(Output {
            ciphertext_blob: Blob(ciphertext.into()),
            source_key_id: opened.key.arn(),
            key_id: key.arn(),
            source_encryption_algorithm: ALGORITHM,
            destination_encryption_algorithm: ALGORITHM,
            source_key_material_id: opened.material_id,
            destination_key_material_id: key.material().id.clone(),
        })
    }
}

fn check(input: &Input) -> Result<(), AwsError> {
    let (source, destination) =
        (&input.source_encryption_algorithm, &input.destination_encryption_algorithm);
    let blob = input.ciphertext_blob.as_ref();
    let key = input.destination_key_id.as_deref();
    let constraints = encryption::with_ciphertext(Constraints::new(), blob);
    let constraints = constraints.required("destinationKeyId", key, 1, KEY_ID_CHARS_MAX);
    let constraints = encryption::with_context(
        constraints,
        "sourceEncryptionContext",
        input.source_encryption_context.as_ref(),
    );
    let constraints = encryption::with_context(
        constraints,
        "destinationEncryptionContext",
        input.destination_encryption_context.as_ref(),
    );
    let constraints =
        encryption::with_algorithm(constraints, "sourceEncryptionAlgorithm", source.as_deref());
    let parameter = "destinationEncryptionAlgorithm";
    errors::check(encryption::with_algorithm(constraints, parameter, destination.as_deref()))
}
