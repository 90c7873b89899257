//! `SimulateCustomPolicy`: what policies in the request would decide.

use sluice_wire::AwsError;

use super::simulation::{self, Outcome, Scenario};
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct SimulateCustomPolicy;

impl Operation for SimulateCustomPolicy {
    const NAME: &'static str = "SimulateCustomPolicy";
    const IAM_ACTION: &'static str = "iam:SimulateCustomPolicy";
    type Input = Scenario;
    type Output = Outcome;

    fn resource(_: &Scenario) -> Resource {
        Resource::Account
    }

    async fn run(context: &Context, mut input: Scenario) -> Result<Outcome, AwsError> {
        let texts = std::mem::take(&mut input.policy_input_list.0);
        let identity = &context.identity;
        let arn = input.caller_arn.take().unwrap_or_else(|| identity.principal_arn());
        let id = identity.sender_id();
        input.decide(simulation::principal(&arn, &id)?, &texts, None)
    }
}
