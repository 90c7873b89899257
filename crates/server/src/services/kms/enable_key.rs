//! `EnableKey`: a key that was disabled can be used again.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::named_key;
use crate::keys::{Key, KeyState, Keys};
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct EnableKey;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    key_id: Option<String>,
}

impl Operation for EnableKey {
    const NAME: &'static str = "EnableKey";
    const IAM_ACTION: &'static str = "kms:EnableKey";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        named_key::resource(&input.key_id)
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let change = |_: &Keys, key: &mut Key, _: u64| {
            key.check_kept()?;
            key.state = KeyState::Enabled;
            Ok(NoOutput {})
        };
        named_key::change(context, &input.key_id, change).await
    }
}
