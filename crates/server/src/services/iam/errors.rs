//! Every error of IAM that is answered here (neighbours §6.1), and the exact texts that clients match on.

use sluice_wire::{AwsError, ErrorOrigin, ErrorShape, Fault};

use crate::identities::{Entity, IdentitiesStopped};
use crate::services::storage_failed;

const fn row(name: &'static str, query_code: &'static str, status: u16) -> ErrorShape {
    ErrorShape { name, query_code, status, fault: Fault::Sender, origin: ErrorOrigin::Service }
}

static NO_SUCH_ENTITY: ErrorShape = row("NoSuchEntityException", "NoSuchEntity", 404);
static ENTITY_ALREADY_EXISTS: ErrorShape =
    row("EntityAlreadyExistsException", "EntityAlreadyExists", 409);
static DELETE_CONFLICT: ErrorShape = row("DeleteConflictException", "DeleteConflict", 409);
static LIMIT_EXCEEDED: ErrorShape = row("LimitExceededException", "LimitExceeded", 409);
static MALFORMED_POLICY_DOCUMENT: ErrorShape =
    row("MalformedPolicyDocumentException", "MalformedPolicyDocument", 400);
static INVALID_INPUT: ErrorShape = row("InvalidInputException", "InvalidInput", 400);

/// A user, group or role does not exist.
pub(super) fn no_such<T: Entity>(name: &str) -> AwsError {
    no_such_entity(format!("The {} with name {name} cannot be found.", T::KIND))
}

/// An inline policy does not exist.
pub(super) fn no_such_inline_policy<T: Entity>(name: &str) -> AwsError {
    no_such_entity(format!("The {} policy with name {name} cannot be found.", T::KIND))
}

/// A managed policy does not exist, or is not attached.
pub(super) fn no_such_policy(arn: &str) -> AwsError {
    no_such_entity(format!("Policy {arn} was not found."))
}

/// A managed policy that is to be attached does not exist.
pub(super) fn not_attachable(arn: &str) -> AwsError {
    no_such_entity(format!("Policy {arn} does not exist or is not attachable."))
}

pub(super) fn no_such_version(arn: &str, version: &str) -> AwsError {
    no_such_entity(format!("Policy {arn} version {version} does not exist or is not attachable."))
}

pub(super) fn no_such_access_key(id: &str) -> AwsError {
    no_such_entity(format!("The Access Key with id {id} cannot be found."))
}

/// The account does not have this alias.
pub(super) fn no_such_alias(alias: &str) -> AwsError {
    no_such_entity(format!("The account alias {alias} cannot be found."))
}

pub(super) fn no_such_entity(text: impl Into<String>) -> AwsError {
    AwsError::new(&NO_SUCH_ENTITY, text.into())
}

/// The name of a user, group or role is taken.
pub(super) fn already_exists<T: Entity>(name: &str) -> AwsError {
    let kind = match T::KIND {
        "user" => "User",
        "group" => "Group",
        _ => "Role",
    };
    entity_already_exists(format!("{kind} with name {name} already exists."))
}

/// An account has this alias.
pub(super) fn alias_exists(alias: &str) -> AwsError {
    entity_already_exists(format!("The account alias {alias} already exists."))
}

pub(super) fn entity_already_exists(text: String) -> AwsError {
    AwsError::new(&ENTITY_ALREADY_EXISTS, text)
}

/// Something else refers to what is to be deleted.
pub(super) fn still_referenced() -> AwsError {
    delete_conflict("Cannot delete entity, must remove referenced objects first.")
}

pub(super) fn delete_conflict(text: &'static str) -> AwsError {
    AwsError::new(&DELETE_CONFLICT, text)
}

/// There are as many of something as there may be.
pub(super) fn quota(name: &str, max: usize) -> AwsError {
    limit_exceeded(format!("Cannot exceed quota for {name}: {max}"))
}

pub(super) fn limit_exceeded(text: impl Into<String>) -> AwsError {
    AwsError::new(&LIMIT_EXCEEDED, text.into())
}

pub(super) fn malformed_policy_document(text: impl Into<String>) -> AwsError {
    AwsError::new(&MALFORMED_POLICY_DOCUMENT, text.into())
}

pub(super) fn invalid_input(text: impl Into<String>) -> AwsError {
    AwsError::new(&INVALID_INPUT, text.into())
}

/// What clients read of a fault of the store; it was logged once, when the store failed.
impl From<IdentitiesStopped> for AwsError {
    fn from(_: IdentitiesStopped) -> Self {
        storage_failed()
    }
}
