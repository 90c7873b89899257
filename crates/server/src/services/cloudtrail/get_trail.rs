//! `GetTrail`: the settings of one trail.

use serde::Serialize;
use sluice_wire::AwsError;

use super::settings::{Description, Named};
use super::trails;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct GetTrail;

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    trail: Description,
}

impl Operation for GetTrail {
    const NAME: &'static str = "GetTrail";
    const IAM_ACTION: &'static str = "cloudtrail:GetTrail";
    type Input = Named;
    type Output = Output;

    fn resource(input: &Named) -> Resource {
        Resource::Trail(input.name.clone())
    }

    async fn run(context: &Context, input: Named) -> Result<Output, AwsError> {
        let trail = trails::found(context, input.name.as_deref())?;
        Ok(Output { trail: Description::from(&*trail) })
    }
}
