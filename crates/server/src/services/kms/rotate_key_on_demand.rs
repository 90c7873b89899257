//! `RotateKeyOnDemand`: a key gets new material now.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::limits::ROTATIONS_ON_DEMAND_MAX;
use super::{errors, named_key};
use crate::keys::{Key, Keys, MaterialOrigin};
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct RotateKeyOnDemand;

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

impl Operation for RotateKeyOnDemand {
    const NAME: &'static str = "RotateKeyOnDemand";
    const IAM_ACTION: &'static str = "kms:RotateKeyOnDemand";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        named_key::resource(&input.key_id)
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let change = |keys: &Keys, key: &mut Key, now_ms| {
            key.check_usable()?;
            if key.rotations_on_demand() >= ROTATIONS_ON_DEMAND_MAX {
                return Err(errors::limit_exceeded(format!(
                    "The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be \
                     performed for this key: {}",
                    key.arn()
                )));
            }
            keys.rotate(key, MaterialOrigin::OnDemand, now_ms)?;
            Ok(Output { key_id: key.id.clone() })
        };
        named_key::change(context, &input.key_id, change).await
    }
}
