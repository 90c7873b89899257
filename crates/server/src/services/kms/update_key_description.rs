//! `UpdateKeyDescription`: what a key is for, for people.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::limits::DESCRIPTION_CHARS_MAX;
use super::{errors, named_key};
use crate::keys::{Key, Keys};
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct UpdateKeyDescription;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    key_id: Option<String>,
    #[serde(default)]
    description: Option<String>,
}

impl Operation for UpdateKeyDescription {
    const NAME: &'static str = "UpdateKeyDescription";
    const IAM_ACTION: &'static str = "kms:UpdateKeyDescription";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        named_key::resource(&input.key_id)
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let (constraints, description) = (named_key::constraints(&input.key_id), input.description);
        let constraints = constraints.given("description", description.as_ref());
        let text = description.as_deref();
        errors::check(constraints.text("description", text, 0, DESCRIPTION_CHARS_MAX))?;
        let change = |_: &Keys, key: &mut Key, _: u64| {
            key.check_kept()?;
            key.description = description.unwrap_or_default();
            Ok(NoOutput {})
        };
        named_key::change(context, &input.key_id, change).await
    }
}
