//! `SimulatePrincipalPolicy`: what the policies of a user, group or role would decide, with those in the request.

use sluice_wire::AwsError;

use super::policy_source;
use super::simulation::{self, Outcome, Scenario};
use crate::identities::{Entity, Group, parsed_arn};
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct SimulatePrincipalPolicy;

impl Operation for SimulatePrincipalPolicy {
    const NAME: &'static str = "SimulatePrincipalPolicy";
    const IAM_ACTION: &'static str = "iam:SimulatePrincipalPolicy";
    type Input = Scenario;
    type Output = Outcome;

    fn resource(input: &Scenario) -> Resource {
        policy_source::resource(input.policy_source_arn.as_deref())
    }

    async fn run(context: &Context, mut input: Scenario) -> Result<Outcome, AwsError> {
        let (arn, source) = policy_source::found(context, input.policy_source_arn.take())?;
        let mut texts = source.identity;
        texts.append(&mut input.policy_input_list.0);
        // A group calls nothing: one of its users does.
        let is_group = parsed_arn(&arn, Group::KIND).is_some();
        let itself = if is_group { context.identity.principal_arn() } else { arn };
        let caller_arn = input.caller_arn.take().unwrap_or(itself);
        let caller = simulation::principal(&caller_arn, &source.unique_id)?;
        input.decide(caller, &texts, source.boundary)
    }
}
