//! `PolicySourceArn`: the user, group or role whose policies an operation looks at.

use sluice_wire::AwsError;

use super::{names, principals};
use crate::identities::{Attached, Entity, Group, Role, Snapshot, User, parsed_arn};
use crate::services::constraints::Constraints;
use crate::services::{Context, Resource};

const KINDS: [&str; 3] = [User::KIND, Group::KIND, Role::KIND];

/// The documents of a user, group or role, and its unique id.
pub(super) struct Source {
    pub(super) identity: Vec<String>,
    pub(super) boundary: Option<String>,
    pub(super) unique_id: String,
}

/// What permission is needed for.
pub(super) fn resource(arn: Option<&str>) -> Resource {
    let arn = arn.unwrap_or_default();
    let named =
        |kind: &'static str| parsed_arn(arn, kind).map(|(_, _, name)| (kind, name.to_owned()));
    let named = KINDS.iter().find_map(|kind| named(kind));
    named.map_or(Resource::Account, |(kind, name)| Resource::IamEntity(kind, Some(name)))
}

/// Finds a user, group or role of the caller's account; returns its ARN too.
pub(super) fn found(context: &Context, arn: Option<String>) -> Result<(String, Source), AwsError> {
    Constraints::new().required("policySourceArn", arn.as_deref(), 20, 2_048).check()?;
    let arn = arn.unwrap_or_default();
    let source = source(&context.identities.snapshot(), &context.identity.account, &arn)?;
    Ok((arn, source))
}

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
