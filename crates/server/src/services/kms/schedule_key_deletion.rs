//! `ScheduleKeyDeletion`: a key cannot be used any more, and is deleted with its material after a while.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::key_metadata::{seconds, state};
use super::limits::PENDING_DAYS;
use super::{errors, named_key};
use crate::keys::{Key, Keys};
use crate::services::{Context, InputKeys, Operation, Resource};

/// The operation.
pub(super) struct ScheduleKeyDeletion;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    key_id: Option<String>,
    #[serde(default)]
    pending_window_in_days: Option<i64>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    key_id: String,
    deletion_date: f64,
    key_state: &'static str,
    pending_window_in_days: u32,
}

impl Operation for ScheduleKeyDeletion {
    const NAME: &'static str = "ScheduleKeyDeletion";
    const IAM_ACTION: &'static str = "kms:ScheduleKeyDeletion";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        named_key::resource(&input.key_id)
    }

    fn keys(input: &Input) -> InputKeys {
        let days = input.pending_window_in_days.unwrap_or(*PENDING_DAYS.end());
        InputKeys::default().with("kms:ScheduleKeyDeletionPendingWindowInDays", [days.to_string()])
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let (least, most) = (*PENDING_DAYS.start(), *PENDING_DAYS.end());
        let days = input.pending_window_in_days;
        let constraints = named_key::constraints(&input.key_id);
        errors::check(constraints.number("pendingWindowInDays", days, least, most))?;
        let days = u32::try_from(days.unwrap_or(most)).expect("it is within the limits");
        let change = move |_: &Keys, key: &mut Key, now_ms| {
            key.check_kept()?;
            let delete_at_ms = key.delete_in(days, now_ms);
            Ok(Output {
                key_id: key.arn(),
                deletion_date: seconds(delete_at_ms),
                key_state: state(key.state),
                pending_window_in_days: days,
            })
        };
        named_key::change(context, &input.key_id, change).await
    }
}
