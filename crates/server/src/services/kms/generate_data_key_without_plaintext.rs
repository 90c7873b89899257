//! `GenerateDataKeyWithoutPlaintext`: a key for data, only encrypted: for somebody who decrypts it later.

use serde::Serialize;
use sluice_wire::{AwsError, Blob};

use super::data_key::Request;
use super::encryption;
use crate::services::{Context, InputKeys, Operation, Resource};

/// The operation.
pub(super) struct GenerateDataKeyWithoutPlaintext;

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
    type Input = Request;
    type Output = Output;

    fn resource(input: &Request) -> Resource {
        input.resource()
    }

    fn keys(_: &Request) -> InputKeys {
        encryption::keys()
    }

    async fn run(context: &Context, input: Request) -> Result<Output, AwsError> {
        let made = input.make(context)?;
        Ok(Output {
            ciphertext_blob: Blob(made.ciphertext.into()),
            key_id: made.key.arn(),
            key_material_id: made.key.material().id.clone(),
        })
    }
}
