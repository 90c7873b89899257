//! `GetKeyRotationStatus`: whether and when a key gets new material by itself.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::key_metadata::seconds;
use super::named_key;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct GetKeyRotationStatus;

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
    key_rotation_enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    rotation_period_in_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_rotation_date: Option<f64>,
}

impl Operation for GetKeyRotationStatus {
    const NAME: &'static str = "GetKeyRotationStatus";
    const IAM_ACTION: &'static str = "kms:GetKeyRotationStatus";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        named_key::resource(&input.key_id)
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let key = named_key::found_by_id(context, &input.key_id)?;
        Ok(Output {
            key_id: key.id.clone(),
            key_rotation_enabled: key.rotation.is_some(),
            rotation_period_in_days: key.rotation.map(|rotation| rotation.period_days),
            next_rotation_date: key.rotation.map(|rotation| seconds(rotation.next_at_ms)),
        })
    }
}
