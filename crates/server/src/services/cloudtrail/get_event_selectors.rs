//! `GetEventSelectors`: what a trail selects.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::put_event_selectors::Output;
use super::trails;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct GetEventSelectors;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    trail_name: Option<String>,
}

impl Operation for GetEventSelectors {
    const NAME: &'static str = "GetEventSelectors";
    const IAM_ACTION: &'static str = "cloudtrail:GetEventSelectors";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        Resource::Trail(input.trail_name.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let trail = trails::found(context, input.trail_name.as_deref())?;
        Ok(Output::from(&*trail))
    }
}
