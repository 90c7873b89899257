//! `GetTrailStatus`: whether a trail is logging, and what came of its last delivery.

use serde::Serialize;
use sluice_wire::{AwsError, iso_8601};

use super::settings::Named;
use super::trails;
use crate::services::{Context, Operation, Resource};

/// What is said of a trail that is logging while the server has no audit log.
const NO_AUDIT_LOG: &str = "NoAuditLog";

/// The operation.
pub(super) struct GetTrailStatus;

/// Answer. Times are epoch seconds, and once more as text.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    is_logging: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_delivery_error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_delivery_time: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_logging_time: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_logging_time: Option<u64>,
    latest_delivery_attempt_time: String,
    latest_notification_attempt_time: String,
    latest_notification_attempt_succeeded: String,
    latest_delivery_attempt_succeeded: String,
    time_logging_started: String,
    time_logging_stopped: String,
}

impl Operation for GetTrailStatus {
    const NAME: &'static str = "GetTrailStatus";
    const IAM_ACTION: &'static str = "cloudtrail:GetTrailStatus";
    type Input = Named;
    type Output = Output;

    fn resource(input: &Named) -> Resource {
        Resource::Trail(input.name.clone())
    }

    async fn run(context: &Context, input: Named) -> Result<Output, AwsError> {
        let trail = trails::found(context, input.name.as_deref())?;
        let has_log = context.audit.is_some();
        let delivery = &trail.delivery;
        let no_log = (trail.is_logging && !has_log).then(|| NO_AUDIT_LOG.to_owned());
        let text = |at_ms: Option<u64>| at_ms.map(|at_ms| iso_8601(at_ms / 1_000));
        let secs = |at_ms: Option<u64>| at_ms.map(|at_ms| at_ms / 1_000);
        Ok(Output {
            is_logging: trail.is_logging && has_log,
            latest_delivery_error: no_log.or_else(|| delivery.error.clone()),
            latest_delivery_time: secs(delivery.delivered_at_ms),
            start_logging_time: secs(trail.started_at_ms),
            stop_logging_time: secs(trail.stopped_at_ms),
            latest_delivery_attempt_time: text(delivery.tried_at_ms).unwrap_or_default(),
            latest_notification_attempt_time: String::new(),
            latest_notification_attempt_succeeded: String::new(),
            latest_delivery_attempt_succeeded: text(delivery.delivered_at_ms).unwrap_or_default(),
            time_logging_started: text(trail.started_at_ms).unwrap_or_default(),
            time_logging_stopped: text(trail.stopped_at_ms).unwrap_or_default(),
        })
    }
}
