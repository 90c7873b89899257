//! `UpdateAlias`: an alias becomes one of another key.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::target::place;
use super::{aliases, named_key};
use crate::keys::{Alias, Draft};
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct UpdateAlias;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    alias_name: Option<String>,
    #[serde(default)]
    target_key_id: Option<String>,
}

impl Operation for UpdateAlias {
    const NAME: &'static str = "UpdateAlias";
    const IAM_ACTION: &'static str = "kms:UpdateAlias";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::KeyAlias(input.alias_name.clone())
    }

    fn also_needs(input: &Input) -> Vec<(&'static str, Resource)> {
        let keys = [&input.alias_name, &input.target_key_id];
        keys.map(|key| (Self::IAM_ACTION, named_key::resource(key))).into()
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let name = aliases::checked_name(input.alias_name)?;
        let target = aliases::target(context, &input.target_key_id)?;
        let place = place(context);
        let update = move |draft: &mut Draft, now_ms| {
            let alias = aliases::existing(draft.snapshot(), &place, &name)?;
            let key = aliases::usable_target(draft.snapshot(), &target, now_ms)?;
            let key_id = key.id.clone();
            draft.put_alias(Alias { key_id, updated_at_ms: now_ms, ..Alias::clone(&alias) });
            Ok(NoOutput {})
        };
        context.keys.change(update).await
    }
}
