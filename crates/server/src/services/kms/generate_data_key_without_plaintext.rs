//! `GenerateDataKeyWithoutPlaintext`: a key for data, only encrypted: for somebody who decrypts it later.

use serde::{Deserialize, Serialize};
use sluice_wire::{AwsError, Blob};

use super::{data_key, encryption, named_key};
use crate::keys::EncryptionContext;
use crate::services::{Context, InputKeys, Operation, Resource};

/// The operation.
pub(super) struct GenerateDataKeyWithoutPlaintext;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    key_id: Option<String>,
    #[serde(default)]
    encryption_context: Option<EncryptionContext>,
    #[serde(default)]
    key_spec: Option<String>,
    #[serde(default)]
    number_of_bytes: Option<i64>,
    #[serde(default)]
    dry_run: Option<bool>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    ciphertext_blob: Blob,
    key_id: String,
    key_material_id: String,
}

impl Operation for GenerateDataKeyWithoutPlaintext {
    const NAME: &'static str = "GenerateDataKeyWithoutPlaintext";
    const IAM_ACTION: &'static str = "kms:GenerateDataKeyWithoutPlaintext";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        named_key::with_context(&input.key_id, input.encryption_context.as_ref())
    }

    fn keys(_: &Input) -> InputKeys {
        encryption::keys()
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let size = data_key::size(&input.key_id, input.number_of_bytes, input.key_spec.as_deref())?;
        let key = named_key::found(context, &input.key_id).await?;
        let encryption_context = input.encryption_context.unwrap_or_default();
        let plaintext = data_key::random(size);
        let ciphertext = context.keys.encrypt(&key, &encryption_context, &plaintext)?;
        encryption::check_dry_run(input.dry_run)?;
        Ok(Output {
            ciphertext_blob: Blob(ciphertext.into()),
            key_id: key.arn(),
            key_material_id: key.material().id.clone(),
        })
    }
}
