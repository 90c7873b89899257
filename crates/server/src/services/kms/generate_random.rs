//! `GenerateRandom`: random bytes.

use serde::{Deserialize, Serialize};
use sluice_wire::{AwsError, Blob};

use super::limits::RANDOM_BYTES_MAX;
use super::{data_key, errors};
use crate::services::constraints::Constraints;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct GenerateRandom;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    number_of_bytes: Option<i64>,
    #[serde(default)]
    custom_key_store_id: Option<String>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    plaintext: Blob,
}

impl Operation for GenerateRandom {
    const NAME: &'static str = "GenerateRandom";
    const IAM_ACTION: &'static str = "kms:GenerateRandom";
    type Input = Input;
    type Output = Output;

    fn resource(_: &Input) -> Resource {
        Resource::Account
    }

    async fn run(_: &Context, input: Input) -> Result<Output, AwsError> {
        let count = input.number_of_bytes;
        errors::check(Constraints::new().number("numberOfBytes", count, 1, RANDOM_BYTES_MAX))?;
        if input.custom_key_store_id.is_some() {
            return Err(errors::unsupported("There are no custom key stores."));
        }
        let Some(Ok(count)) = count.map(usize::try_from) else {
            return Err(errors::validation("NumberOfBytes is required."));
        };
        Ok(Output { plaintext: Blob(data_key::random(count).to_vec().into()) })
    }
}
