//! `UntagResource`: a key loses tags.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::{errors, named_key};
use crate::keys::{Key, Keys};
use crate::services::{Context, InputKeys, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct UntagResource;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    key_id: Option<String>,
    #[serde(default)]
    tag_keys: Option<Vec<String>>,
}

impl Operation for UntagResource {
    const NAME: &'static str = "UntagResource";
    const IAM_ACTION: &'static str = "kms:UntagResource";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        named_key::resource(&input.key_id)
    }

    fn keys(input: &Input) -> InputKeys {
        let keys = input.tag_keys.iter().flatten().cloned();
        InputKeys::default().with("aws:TagKeys", keys)
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let constraints = named_key::constraints(&input.key_id);
        errors::check(constraints.given("tagKeys", input.tag_keys.as_ref()))?;
        let change = |_: &Keys, key: &mut Key, _: u64| {
            key.check_kept()?;
            let given = input.tag_keys.unwrap_or_default();
            key.tags.retain(|key, _| !given.contains(key));
            Ok(NoOutput {})
        };
        named_key::change(context, &input.key_id, change).await
    }
}
