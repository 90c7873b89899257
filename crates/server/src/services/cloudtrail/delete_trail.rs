//! `DeleteTrail`: what it has delivered stays.

use sluice_wire::AwsError;

use super::settings::Named;
use super::trails;
use crate::identities::{Entity, Trail};
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct DeleteTrail;

impl Operation for DeleteTrail {
    const NAME: &'static str = "DeleteTrail";
    const IAM_ACTION: &'static str = "cloudtrail:DeleteTrail";
    type Input = Named;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::Members;

    fn resource(input: &Named) -> Resource {
        Resource::Trail(input.name.clone())
    }

    async fn run(context: &Context, input: Named) -> Result<NoOutput, AwsError> {
        trails::decide(context, input.name.as_deref(), |draft, trail, _| {
            draft.remove::<Trail>(&trail.key());
            Ok(NoOutput {})
        })
        .await
    }
}
