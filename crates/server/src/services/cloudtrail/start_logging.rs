//! `StartLogging`: from now on a trail takes events.

use sluice_wire::AwsError;

use super::settings::Named;
use super::{errors, trails};
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct StartLogging;

impl Operation for StartLogging {
    const NAME: &'static str = "StartLogging";
    const IAM_ACTION: &'static str = "cloudtrail:StartLogging";
    type Input = Named;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::Members;

    fn resource(input: &Named) -> Resource {
        Resource::Trail(input.name.clone())
    }

    async fn run(context: &Context, input: Named) -> Result<NoOutput, AwsError> {
        let end = context.audit.as_ref().ok_or_else(errors::no_audit_log)?.durable_end();
        trails::update(context, input.name.as_deref(), move |trail, now_ms| {
            if !trail.is_logging {
                trail.is_logging = true;
                trail.started_at_ms = Some(now_ms);
                trail.delivery.from.get_or_insert(end);
            }
            Ok(())
        })
        .await?;
        Ok(NoOutput {})
    }
}
