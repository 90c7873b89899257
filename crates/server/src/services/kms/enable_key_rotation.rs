//! `EnableKeyRotation`: a key gets new material from time to time.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::limits::ROTATION_DAYS;
use super::{errors, named_key};
use crate::keys::{Key, Keys, Rotation};
use crate::services::{Context, InputKeys, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct EnableKeyRotation;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    key_id: Option<String>,
    #[serde(default)]
    rotation_period_in_days: Option<i64>,
}

impl Operation for EnableKeyRotation {
    const NAME: &'static str = "EnableKeyRotation";
    const IAM_ACTION: &'static str = "kms:EnableKeyRotation";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        named_key::resource(&input.key_id)
    }

    fn keys(input: &Input) -> InputKeys {
        let days = input.rotation_period_in_days.map(|days| days.to_string());
        InputKeys::default().with_given("kms:RotationPeriodInDays", days.as_ref())
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let (least, most) = (*ROTATION_DAYS.start(), *ROTATION_DAYS.end());
        let given = input.rotation_period_in_days;
        let constraints = named_key::constraints(&input.key_id);
        errors::check(constraints.number("rotationPeriodInDays", given, least, most))?;
        let days = given.and_then(|days| u32::try_from(days).ok());
        let change = move |_: &Keys, key: &mut Key, now_ms| {
            key.check_usable()?;
            // Said again without a period, it goes on as before.
            if days.is_some() || key.rotation.is_none() {
                key.rotation = Some(Rotation::every(days.unwrap_or(DAYS_DEFAULT), now_ms));
            }
            Ok(NoOutput {})
        };
        named_key::change(context, &input.key_id, change).await
    }
}

/// Days between one material and the next, where the request does not say.
const DAYS_DEFAULT: u32 = 365;
