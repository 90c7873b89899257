//! `DescribeKey`: what there is to know of a key.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::key_metadata::KeyMetadata;
use super::{errors, named_key};
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct DescribeKey;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    key_id: Option<String>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    key_metadata: KeyMetadata,
}

impl Operation for DescribeKey {
    const NAME: &'static str = "DescribeKey";
    const IAM_ACTION: &'static str = "kms:DescribeKey";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        named_key::resource(&input.key_id)
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        errors::check(named_key::constraints(&input.key_id))?;
        let key = named_key::found_or_made(context, &input.key_id).await?;
        Ok(Output { key_metadata: KeyMetadata::of(&key) })
    }
}
