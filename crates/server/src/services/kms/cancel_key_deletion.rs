//! `CancelKeyDeletion`: a key that was to be deleted is kept, disabled.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::named_key;
use crate::keys::{Key, KeyError, KeyState, Keys};
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct CancelKeyDeletion;

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
    key_id: String,
}

impl Operation for CancelKeyDeletion {
    const NAME: &'static str = "CancelKeyDeletion";
    const IAM_ACTION: &'static str = "kms:CancelKeyDeletion";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        named_key::resource(&input.key_id)
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let change = |_: &Keys, key: &mut Key, _: u64| {
            if key.check_kept().is_ok() {
                let text = format!("{} is not pending deletion.", key.arn());
                return Err(KeyError::InvalidState(text).into());
            }
            key.state = KeyState::Disabled;
            Ok(Output { key_id: key.arn() })
        };
        named_key::change(context, &input.key_id, change).await
    }
}
