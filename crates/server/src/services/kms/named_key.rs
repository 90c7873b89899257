//! The key that a request names: found, and changed.

use std::sync::Arc;

use sluice_wire::AwsError;

use super::errors;
use super::limits::KEY_ID_CHARS_MAX;
use super::target::place;
use crate::keys::{Draft, EncryptionContext, Key, KeyError, KeyManager, KeyReference, Keys};
use crate::services::constraints::Constraints;
use crate::services::{Context, Resource};

/// What a request about a key acts on.
pub(super) fn resource(key: &Option<String>) -> Resource {
    with_context(key, None)
}

/// The same, of a request that binds something to a ciphertext.
pub(super) fn with_context(
    key: &Option<String>,
    encryption_context: Option<&EncryptionContext>,
) -> Resource {
    let encryption_context = encryption_context.cloned().unwrap_or_default();
    Resource::Key { key: key.clone(), encryption_context }
}

/// What the name of a key must satisfy.
pub(super) fn constraints(key: &Option<String>) -> Constraints {
    Constraints::new().required("keyId", key.as_deref(), 1, KEY_ID_CHARS_MAX)
}

/// Finds a key by its id, ARN or alias. That of a service is not made: the caller was let do this to a key that does not exist,
/// not to that one.
pub(super) fn found(context: &Context, key: &Option<String>) -> Result<Arc<Key>, AwsError> {
    let reference = KeyReference::parse(key.as_deref().unwrap_or_default(), &place(context))?;
    Ok(Arc::clone(context.keys.snapshot().find(&reference, context.now_ms)?))
}

/// Finds a key to describe it. That of a service is made if there is none.
pub(super) async fn found_or_made(
    context: &Context,
    key: &Option<String>,
) -> Result<Arc<Key>, AwsError> {
    let caller = place(context);
    let reference = KeyReference::parse(key.as_deref().unwrap_or_default(), &caller)?;
    Ok(context.keys.find(&reference, &caller, context.now_ms).await?)
}

/// Reads the id or ARN of a key; an alias will not do.
pub(super) fn without_alias(
    context: &Context,
    key: &Option<String>,
) -> Result<KeyReference, AwsError> {
    errors::check(constraints(key))?;
    let text = key.as_deref().unwrap_or_default();
    let reference = KeyReference::parse(text, &place(context))?;
    match reference.alias() {
        None => Ok(reference),
        Some(_) if text.starts_with("arn:") => Err(KeyError::InvalidArn(text.to_owned()).into()),
        Some(_) => Err(KeyError::no_key_id(text).into()),
    }
}

/// Finds a key by its id or ARN.
pub(super) fn found_by_id(context: &Context, key: &Option<String>) -> Result<Arc<Key>, AwsError> {
    let reference = without_alias(context, key)?;
    Ok(Arc::clone(context.keys.snapshot().find(&reference, context.now_ms)?))
}

/// Changes a key that its account manages, by its id or ARN.
pub(super) async fn change<T: Send + 'static>(
    context: &Context,
    key: &Option<String>,
    decide: impl FnOnce(&Keys, &mut Key, u64) -> Result<T, AwsError> + Send + 'static,
) -> Result<T, AwsError> {
    let reference = without_alias(context, key)?;
    let keys = context.keys.clone();
    let change = move |draft: &mut Draft, now_ms| {
        let mut key = Key::clone(draft.snapshot().find(&reference, now_ms)?);
        check_manager(&key)?;
        let value = decide(&keys, &mut key, now_ms)?;
        draft.put_key(key);
        Ok(value)
    };
    context.keys.change(change).await
}

/// Lets nobody change a key of the server.
pub(super) fn check_manager(key: &Key) -> Result<(), AwsError> {
    match key.manager {
        KeyManager::Customer => Ok(()),
        KeyManager::Aws => Err(errors::aws_managed(&key.arn())),
    }
}
