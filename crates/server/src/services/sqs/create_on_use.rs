//! Creates a queue because a request names it, for tests that do not care how queues come about.

use std::sync::Arc;

use sluice_wire::AwsError;

use super::create_queue::NewQueue;
use super::declared_queues::is_region;
use super::errors;
use super::queue_attributes::{AttributeChanges, AttributeTexts};
use super::queue_name;
use super::tags::Tags;
use crate::broker::{Entry, Queue, QueueChange, QueueKey, QueueKind};
use crate::identities::is_account_id;
use crate::services::Context;

/// Creates the queue with default attributes; a name that ends with `.fifo` makes a FIFO queue.
///
/// # Errors
/// `QueueDoesNotExist` when no queue can have this name, and for 60 seconds after the queue was deleted: otherwise a consumer
/// that still polls it would bring it back.
pub(super) async fn create(context: &Context, key: &QueueKey) -> Result<Arc<Queue>, AwsError> {
    let kind = match key.name.ends_with(queue_name::FIFO_SUFFIX) {
        true => QueueKind::Fifo,
        false => QueueKind::Standard,
    };
    let is_possible = queue_name::check(&key.name, kind).is_ok()
        && is_account_id(&key.account)
        && is_region(&key.region);
    if !is_possible {
        return Err(errors::queue_does_not_exist());
    }
    let limits = context.extensions.sqs_limits;
    let changes = AttributeChanges::parse(kind, AttributeTexts::new(), limits)?;
    let new = NewQueue::new(key.clone(), kind, changes, &Tags::new())?;
    context.broker.change_queue(key, move |entry, now_ms| decide(&new, entry, now_ms)).await?;
    context.broker.queue(key).ok_or_else(errors::queue_does_not_exist)
}

fn decide(new: &NewQueue, entry: Entry<'_>, now_ms: u64) -> Result<(QueueChange, ()), AwsError> {
    match entry {
        Entry::Absent => Ok((QueueChange::Put(new.queue(now_ms)), ())),
        Entry::Deleted { .. } => Err(errors::queue_does_not_exist()),
        // Another request was faster.
        Entry::Present(_) => Ok((QueueChange::None, ())),
    }
}
