//! `StopLogging`: a trail takes no more events; those that it has taken are delivered.

use sluice_wire::AwsError;

use super::settings::Named;
use super::trails;
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct StopLogging;

impl Operation for StopLogging {
    const NAME: &'static str = "StopLogging";
    const IAM_ACTION: &'static str = "cloudtrail:StopLogging";
    type Input = Named;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::Members;

    fn resource(input: &Named) -> Resource {
        Resource::Trail(input.name.clone())
    }

    async fn run(context: &Context, input: Named) -> Result<NoOutput, AwsError> {
        trails::update(context, input.name.as_deref(), |trail, now_ms| {
            if trail.is_logging {
                trail.is_logging = false;
                trail.stopped_at_ms = Some(now_ms);
            }
            Ok(())
        })
        .await?;
        Ok(NoOutput {})
    }
}
