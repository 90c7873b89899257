//! `GenerateDataKey`: a key for data, in the clear and encrypted.

use serde::Serialize;
use sluice_wire::{AwsError, Blob};

use super::data_key::Request;
use super::encryption;
use crate::services::{Context, InputKeys, Operation, Resource};

/// The operation.
pub(super) struct GenerateDataKey;

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    ciphertext_blob: Blob,
    plaintext: Blob,
    key_id: String,
    key_material_id: String,
}

impl Operation for GenerateDataKey {
    const NAME: &'static str = "GenerateDataKey";
    const IAM_ACTION: &'static str = "kms:GenerateDataKey";
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
            plaintext: Blob(made.plaintext.to_vec().into()),
            key_id: made.key.arn(),
            key_material_id: made.key.material().id.clone(),
        })
    }
}
