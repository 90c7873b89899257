//! `CreateAlias`: a key gets another name.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::target::place;
use super::{aliases, errors, named_key};
use crate::keys::{Alias, Draft, KeyReference};
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct CreateAlias;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    alias_name: Option<String>,
    #[serde(default)]
    target_key_id: Option<String>,
}

impl Operation for CreateAlias {
    const NAME: &'static str = "CreateAlias";
    const IAM_ACTION: &'static str = "kms:CreateAlias";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::KeyAlias(input.alias_name.clone())
    }

    fn also_needs(input: &Input) -> Vec<(&'static str, Resource)> {
        vec![(Self::IAM_ACTION, named_key::resource(&input.target_key_id))]
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let (name, target) = (input.alias_name, input.target_key_id);
        let name = aliases::checked_name(name)?;
        let target = aliases::target(context, &target)?;
        let place = place(context);
        let create = move |draft: &mut Draft, now_ms| {
            let key = aliases::usable_target(draft.snapshot(), &target, now_ms)?;
            let alias = Alias::new(place, &name, &key.id, now_ms);
            let taken = KeyReference::Alias { place: alias.place.clone(), name };
            if draft.snapshot().find(&taken, now_ms).is_ok() {
                return Err(errors::alias_exists(&alias.arn()));
            }
            draft.put_alias(alias);
            Ok(NoOutput {})
        };
        context.keys.change(create).await
    }
}
