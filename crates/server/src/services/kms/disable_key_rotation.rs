//! `DisableKeyRotation`: a key keeps its material.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::named_key;
use crate::keys::{Key, Keys};
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct DisableKeyRotation;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    key_id: Option<String>,
}

impl Operation for DisableKeyRotation {
    const NAME: &'static str = "DisableKeyRotation";
    const IAM_ACTION: &'static str = "kms:DisableKeyRotation";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        named_key::resource(&input.key_id)
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let change = |_: &Keys, key: &mut Key, _: u64| {
            key.check_usable()?;
            key.rotation = None;
            Ok(NoOutput {})
        };
        named_key::change(context, &input.key_id, change).await
    }
}
