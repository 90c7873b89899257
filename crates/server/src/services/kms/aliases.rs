//! Aliases in requests: their names, and the keys that they are to be of.

use std::sync::Arc;

use sluice_wire::AwsError;

use super::errors;
use super::limits::{ALIAS_CHARS_MAX, ALIASES_OF_KEY_MAX};
use super::named_key::check_manager;
use super::target::place;
use crate::keys::{Alias, Key, KeyError, KeyReference, Place, Snapshot, is_alias_of_aws};
use crate::services::Context;
use crate::services::constraints::Constraints;

const PATTERN: &str = "^[a-zA-Z0-9:/_-]+$";

/// Takes the name of an alias that is to be made or changed.
pub(super) fn checked_name(name: Option<String>) -> Result<String, AwsError> {
    let is_allowed = |char: char| char.is_ascii_alphanumeric() || ":/_-".contains(char);
    let constraints = Constraints::new()
        .required("aliasName", name.as_deref(), 1, ALIAS_CHARS_MAX)
        .pattern("aliasName", name.as_deref(), PATTERN, is_allowed);
    errors::check(constraints)?;
    let name = name.unwrap_or_default();
    match name.strip_prefix(Alias::PREFIX) {
        None => Err(errors::validation(
            "Alias must start with the prefix \"alias/\". Please see \
             https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html",
        )),
        Some("") => Err(errors::invalid_alias_name(&name)),
        Some(_) if is_alias_of_aws(&name) => Err(errors::reserved_alias()),
        Some(_) => Ok(name),
    }
}

/// Reads which key an alias is to be of: one of the caller's account.
pub(super) fn target(
    context: &Context,
    target_key_id: &Option<String>,
) -> Result<KeyReference, AwsError> {
    let text = target_key_id.as_deref();
    errors::check(Constraints::new().required("targetKeyId", text, 1, 2_048))?;
    let caller = place(context);
    let target = KeyReference::parse(text.unwrap_or_default(), &caller)?;
    if target.alias().is_some() {
        return Err(errors::validation("Aliases must refer to keys. Not aliases"));
    }
    if *target.place() != caller {
        return Err(KeyError::no_such_key(&target.arn()).into());
    }
    Ok(target)
}

/// Finds an alias.
pub(super) fn existing(
    snapshot: &Snapshot,
    place: &Place,
    name: &str,
) -> Result<Arc<Alias>, AwsError> {
    let alias = snapshot.alias(place, name).cloned();
    Ok(alias.ok_or_else(|| KeyError::no_such_alias(&place.arn(name)))?)
}

/// Finds the key that an alias is to be of, if it can have one more.
pub(super) fn usable_target(
    snapshot: &Snapshot,
    target: &KeyReference,
    now_ms: u64,
) -> Result<Arc<Key>, AwsError> {
    let key = Arc::clone(snapshot.find(target, now_ms)?);
    check_manager(&key)?;
    key.check_kept()?;
    if snapshot.aliases_of_key(&key).count() >= ALIASES_OF_KEY_MAX {
        let text = format!("{} has {ALIASES_OF_KEY_MAX} aliases, and can have no more.", key.arn());
        return Err(errors::limit_exceeded(text));
    }
    Ok(key)
}
