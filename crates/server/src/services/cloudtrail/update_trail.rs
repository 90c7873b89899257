//! `UpdateTrail`: changes the settings of a trail, for what is not delivered yet as well.

use sluice_wire::AwsError;

use super::settings::{Settings, Summary};
use super::trails;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct UpdateTrail;

impl Operation for UpdateTrail {
    const NAME: &'static str = "UpdateTrail";
    const IAM_ACTION: &'static str = "cloudtrail:UpdateTrail";
    type Input = Settings;
    type Output = Summary;

    fn resource(input: &Settings) -> Resource {
        Resource::Trail(input.name.clone())
    }

    async fn run(context: &Context, mut input: Settings) -> Result<Summary, AwsError> {
        let name = input.name.take();
        let updated = trails::update(context, name.as_deref(), |trail, _| input.apply(trail));
        Ok(updated.await?.into())
    }
}
