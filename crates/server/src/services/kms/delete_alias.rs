//! `DeleteAlias`: a key loses another name.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::target::place;
use super::{aliases, named_key};
use crate::keys::Draft;
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct DeleteAlias;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    alias_name: Option<String>,
}

impl Operation for DeleteAlias {
    const NAME: &'static str = "DeleteAlias";
    const IAM_ACTION: &'static str = "kms:DeleteAlias";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::KeyAlias(input.alias_name.clone())
    }

    fn also_needs(input: &Input) -> Vec<(&'static str, Resource)> {
        vec![(Self::IAM_ACTION, named_key::resource(&input.alias_name))]
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let name = aliases::checked_name(input.alias_name)?;
        let place = place(context);
        let delete = move |draft: &mut Draft, _: u64| {
            let alias = aliases::existing(draft.snapshot(), &place, &name)?;
            draft.remove_alias(&alias);
            Ok(NoOutput {})
        };
        context.keys.change(delete).await
    }
}
