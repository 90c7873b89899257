//! Grants in requests and answers.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::key_metadata::seconds;
use super::limits::{CONSTRAINT_BYTES_MAX, CONSTRAINT_PAIRS_MAX, GRANTS_MAX};
use super::{encryption, errors, named_key};
use crate::identities::{Entity, EntityKey, Role, User, parsed_arn};
use crate::keys::{EncryptionContext, Grant, GrantConstraint, Key, KeyError, Keys};
use crate::services::constraints::Constraints as RequestConstraints;
use crate::services::{Context, NoOutput};

/// What must be bound to a ciphertext, on the wire.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Constraints {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    encryption_context_subset: Option<EncryptionContext>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    encryption_context_equals: Option<EncryptionContext>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source_arn: Option<String>,
}

/// A grant in a list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Listed {
    key_id: String,
    grant_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    creation_date: f64,
    grantee_principal: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    retiring_principal: Option<String>,
    issuing_account: String,
    operations: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    constraints: Option<Constraints>,
}

impl Listed {
    /// Describes a grant.
    pub(super) fn of(key: &Key, grant: &Grant) -> Self {
        let constraints = grant.constraint.as_ref().map(|constraint| {
            let (subset, equals) = match constraint {
                GrantConstraint::Contains(least) => (Some(least.clone()), None),
                GrantConstraint::Equals(only) => (None, Some(only.clone())),
            };
            Constraints {
                encryption_context_subset: subset,
                encryption_context_equals: equals,
                source_arn: None,
            }
        });
        Self {
            key_id: key.arn(),
            grant_id: grant.id.clone(),
            name: grant.name.clone(),
            creation_date: seconds(grant.created_at_ms),
            grantee_principal: grant.grantee.clone(),
            retiring_principal: grant.retiring.clone(),
            issuing_account: format!("arn:aws:iam::{}:root", grant.issuer),
            operations: grant.operations.iter().cloned().collect(),
            constraints,
        }
    }
}

/// What a constraint must satisfy.
pub(super) fn with_constraints(
    mut constraints: RequestConstraints,
    given: Option<&Constraints>,
) -> RequestConstraints {
    let Some(given) = given else { return constraints };
    for (name, encryption_context) in [
        ("encryptionContextSubset", &given.encryption_context_subset),
        ("encryptionContextEquals", &given.encryption_context_equals),
    ] {
        let parameter = format!("constraints.{name}");
        let encryption_context = encryption_context.as_ref();
        let pairs = encryption_context.map(|it| it.0.len());
        let bytes = encryption_context.map(EncryptionContext::bytes_count);
        constraints = constraints.length(&parameter, pairs, 0, CONSTRAINT_PAIRS_MAX).length(
            &parameter,
            bytes,
            0,
            CONSTRAINT_BYTES_MAX,
        );
    }
    constraints
}

/// Reads what must be bound to a ciphertext.
pub(super) fn constraint(given: Option<Constraints>) -> Result<Option<GrantConstraint>, AwsError> {
    let Some(given) = given else { return Ok(None) };
    if given.source_arn.is_some() {
        return Err(errors::unsupported("Grants for a source ARN are not supported."));
    }
    match (given.encryption_context_subset, given.encryption_context_equals) {
        (None, None) => Ok(None),
        (Some(least), None) => Ok(Some(GrantConstraint::Contains(least))),
        (None, Some(only)) => Ok(Some(GrantConstraint::Equals(only))),
        (Some(_), Some(_)) => {
            let text =
                "Only one of EncryptionContextSubset and EncryptionContextEquals can be given.";
            Err(errors::validation(text))
        }
    }
}

/// Refuses what is no user, role, session or account.
pub(super) fn check_principal(arn: &str) -> Result<(), AwsError> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    match parts[..] {
        ["arn", "aws", "iam" | "sts", "", account, _] if account.len() == 12 => Ok(()),
        _ => Err(errors::invalid_arn(arn)),
    }
}

/// Unique id of the user or role that has an ARN, if there is one.
pub(super) fn unique_id(context: &Context, arn: &str) -> Option<String> {
    let snapshot = context.identities.snapshot();
    let key = |(account, _, name)| EntityKey::new(account, name);
    let user = parsed_arn(arn, User::KIND).and_then(|named| snapshot.get::<User>(&key(named)));
    let role = parsed_arn(arn, Role::KIND).and_then(|named| snapshot.get::<Role>(&key(named)));
    let ids = [user.map(|user| &user.unique_id), role.map(|role| &role.unique_id)];
    ids.into_iter().flatten().next().cloned()
}

/// Adds a grant, unless there is one with the same name that says the same: then it is that one.
pub(super) fn add(key: &mut Key, grant: Grant) -> Result<Grant, AwsError> {
    let is_same = |other: &&Grant| {
        let id = other.id.clone();
        let created_at_ms = other.created_at_ms;
        grant.name.is_some() && **other == Grant { id, created_at_ms, ..grant.clone() }
    };
    if let Some(same) = key.grants.iter().find(is_same) {
        return Ok(same.clone());
    }
    if key.grants.len() >= GRANTS_MAX {
        let text = format!("{} has {GRANTS_MAX} grants, and can have no more.", key.arn());
        return Err(errors::limit_exceeded(text));
    }
    let place = key.grants.partition_point(|other| other.id < grant.id);
    key.grants.insert(place, grant.clone());
    Ok(grant)
}

/// The key and the grant that a request to retire one names.
pub(super) fn named(
    token: &Option<String>,
    key: &Option<String>,
    id: &Option<String>,
) -> (Option<String>, Option<String>) {
    match token {
        Some(token) => Grant::of_token(token).unzip(),
        None => (key.clone(), id.clone()),
    }
}

/// Ends a grant.
pub(super) async fn end(
    context: &Context,
    key: &Option<String>,
    id: String,
    dry_run: Option<bool>,
) -> Result<NoOutput, AwsError> {
    let change = move |_: &Keys, key: &mut Key, _: u64| {
        let place = key.grants.iter().position(|grant| grant.id == id);
        let missing = || KeyError::NotFound(format!("Grant ID {id} is not found."));
        key.grants.remove(place.ok_or_else(missing)?);
        encryption::check_dry_run(dry_run)?;
        Ok(NoOutput {})
    };
    named_key::change(context, key, change).await
}
