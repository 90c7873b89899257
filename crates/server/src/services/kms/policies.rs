//! Key policies in requests.

use sluice_policy::{Kind, Policy};
use sluice_wire::AwsError;

use super::limits::POLICY_CHARS_MAX;
use super::{errors, target};
use crate::keys::{Key, KeyError};
use crate::services::Context;
use crate::services::constraints::{Constraints, policy_problem};

/// The only name that a key policy has.
pub(super) const NAME: &str = "default";

/// Refuses other names of policies.
pub(super) fn check_name(name: Option<&str>) -> Result<(), AwsError> {
    match name {
        None | Some(NAME) => Ok(()),
        Some(_) => Err(KeyError::NotFound("No such policy exists".to_owned()).into()),
    }
}

/// Takes a key policy. What is none is refused here.
pub(super) fn parse(policy: Option<String>) -> Result<Option<String>, AwsError> {
    let policy_text = policy.as_deref();
    errors::check(Constraints::new().text("policy", policy_text, 1, POLICY_CHARS_MAX))?;
    match policy_text.map(|text| Policy::parse(text, Kind::Resource)) {
        None | Some(Ok(_)) => Ok(policy),
        Some(Err(error)) => Err(errors::malformed_policy(policy_problem(&error))),
    }
}

/// Refuses a policy with which the caller could not change the key again, unless it says that it knows.
pub(super) fn check_lockout(
    context: &Context,
    key: &Key,
    bypass: Option<bool>,
) -> Result<(), AwsError> {
    let is_known = bypass.unwrap_or(false);
    let is_locked_out = || context.authoriser.is_locked_out(context, &target::as_it_would_be(key));
    if !is_known && is_locked_out() {
        let text = "The new key policy will not allow you to update the key policy in the future.";
        return Err(errors::malformed_policy(text));
    }
    Ok(())
}
