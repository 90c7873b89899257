//! The queue that a request is about.

use std::sync::Arc;

use sluice_wire::AwsError;

use super::arn;
use super::create_on_use;
use super::errors;
use super::queue_attributes::AttributeChanges;
use super::queue_url::{self, Caller};
use crate::broker::{Entry, Queue, QueueKey, QueueKind};
use crate::services::{Context, Switch};

/// Finds the queue that a request names by its URL.
///
/// # Errors
/// `QueueDoesNotExist`, also when the URL is absent, empty or points nowhere (contract §1.7).
pub(super) async fn resolve(
    context: &Context,
    queue_url: Option<&str>,
) -> Result<Arc<Queue>, AwsError> {
    find(context, &key(context, queue_url)?).await
}

/// Names the queue of a URL, whether it exists or not.
///
/// # Errors
/// `QueueDoesNotExist` when no queue can have this URL.
pub(super) fn key(context: &Context, queue_url: Option<&str>) -> Result<QueueKey, AwsError> {
    queue_url
        .and_then(|text| queue_url::parse(text, &Caller::of(context)))
        .ok_or_else(errors::queue_does_not_exist)
}

/// Finds the queue that a parameter names by its ARN, in the caller's account and region.
///
/// # Errors
/// `MissingParameter`, `InvalidParameterValue` when it is no ARN of a queue, `ResourceNotFoundException`.
pub(super) fn resolve_arn(
    context: &Context,
    parameter: &'static str,
    text: Option<String>,
) -> Result<Arc<Queue>, AwsError> {
    let text = text.filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| errors::missing_parameter(parameter))?;
    let key = arn::parse(&text).ok_or_else(|| errors::malformed_arn(parameter))?;
    // These operations do not reach into other accounts and regions (contract §2).
    let is_near = *key.account == *context.identity.account && *key.region == *context.region;
    let queue = is_near.then(|| context.broker.queue(&key)).flatten();
    queue.ok_or_else(|| errors::resource_not_found(parameter))
}

/// Finds a queue that a request is about. Where queues are created on use, this is the use.
///
/// # Errors
/// `QueueDoesNotExist`.
pub(super) async fn find(context: &Context, key: &QueueKey) -> Result<Arc<Queue>, AwsError> {
    match (context.broker.queue(key), context.extensions.create_queues_on_use) {
        (Some(queue), _) => Ok(queue),
        (None, Switch::Off) => Err(errors::queue_does_not_exist()),
        (None, Switch::On) => create_on_use::create(context, key).await,
    }
}

/// Takes the queue out of its catalog entry.
///
/// # Errors
/// `QueueDoesNotExist`: it was deleted since the request found it.
pub(super) fn present(entry: Entry<'_>) -> Result<&Queue, AwsError> {
    match entry {
        Entry::Present(queue) => Ok(queue),
        Entry::Absent | Entry::Deleted { .. } => Err(errors::queue_does_not_exist()),
    }
}

/// Checks that the dead-letter queue of a `RedrivePolicy` among the changes exists and fits.
///
/// # Errors
/// `InvalidParameterValue`.
pub(super) fn check_dead_letter_target(
    context: &Context,
    source: &QueueKey,
    source_kind: QueueKind,
    changes: &AttributeChanges,
) -> Result<(), AwsError> {
    let Some(policy) = changes.redrive_policy()? else { return Ok(()) };
    let target = context.broker.queue(&policy.redrive.target);
    policy.check_target(source, source_kind, target.as_deref())
}
