//! `SimulatePrincipalPolicy`: what the policies of a user, group or role would decide, with those in the request.

use sluice_wire::AwsError;

use super::simulation::{self, Outcome, Scenario};
use super::{names, principals};
use crate::identities::{Attached, Entity, Group, Role, Snapshot, User, parsed_arn};
use crate::services::constraints::Constraints;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct SimulatePrincipalPolicy;

/// The documents of a user, group or role, and its unique id.
struct Source {
    identity: Vec<String>,
    boundary: Option<String>,
    unique_id: String,
}

impl Operation for SimulatePrincipalPolicy {
    const NAME: &'static str = "SimulatePrincipalPolicy";
    const IAM_ACTION: &'static str = "iam:SimulatePrincipalPolicy";
    type Input = Scenario;
    type Output = Outcome;

    fn resource(input: &Scenario) -> Resource {
        let arn = input.policy_source_arn.as_deref().unwrap_or_default();
        let named =
            |kind: &'static str| parsed_arn(arn, kind).map(|(_, _, name)| (kind, name.to_owned()));
        let named = KINDS.iter().find_map(|kind| named(kind));
        named.map_or(Resource::Account, |(kind, name)| Resource::IamEntity(kind, Some(name)))
    }

    async fn run(context: &Context, mut input: Scenario) -> Result<Outcome, AwsError> {
        let arn = input.policy_source_arn.take();
        Constraints::new().required("policySourceArn", arn.as_deref(), 20, 2_048).check()?;
        let arn = arn.unwrap_or_default();
        let snapshot = context.identities.snapshot();
        let source = source(&snapshot, &context.identity.account, &arn)?;
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

const KINDS: [&str; 3] = [User::KIND, Group::KIND, Role::KIND];

fn source(snapshot: &Snapshot, account: &str, arn: &str) -> Result<Source, AwsError> {
    let name = |kind| match parsed_arn(arn, kind) {
        Some((of, _, name)) if of == account => Some(name),
        Some(_) | None => None,
    };
    let (attached, unique_id) = if let Some(name) = name("user") {
        let user = principals::existing::<User>(snapshot, account, name)?;
        (Attached::to_user(snapshot, user), &user.unique_id)
    } else if let Some(name) = name("group") {
        let group = principals::existing::<Group>(snapshot, account, name)?;
        (Attached::to_group(snapshot, group), &group.unique_id)
    } else if let Some(name) = name("role") {
        let role = principals::existing::<Role>(snapshot, account, name)?;
        (Attached::to_role(snapshot, role), &role.unique_id)
    } else {
        return Err(names::bad_arn());
    };
    let identity = attached.identity.into_iter().flatten().map(str::to_owned).collect();
    let boundary = attached.boundary.flatten().map(str::to_owned);
    Ok(Source { identity, boundary, unique_id: unique_id.clone() })
}
