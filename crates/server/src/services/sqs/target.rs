//! What requests to SQS act on, as policies name it.

use std::sync::Arc;

use super::add_permission::OWNER_ONLY;
use super::errors;
use super::queue_url::{self, Caller};
use crate::broker::{Queue, QueueKey};
use crate::services::Context;
use crate::services::target::{Guarded, Reach, Resource, Target, tag_of};

/// Finds out what policies a request is subject to that is about a queue, or about all of an account.
pub(crate) fn of(resource: &Resource, context: &Context, action: &str) -> Target {
    let caller = Caller::of(context);
    let key = match resource {
        Resource::QueueUrl(text) => text.as_deref().and_then(|it| queue_url::parse(it, &caller)),
        Resource::QueueArn(text) => text.as_deref().and_then(QueueKey::from_arn),
        Resource::QueueName { name, owner } => {
            name.as_deref().map(|name| caller.key_of(owner.as_deref(), name))
        }
        _ => None,
    };
    let name = action.split_once(':').map_or(action, |(_service, name)| name);
    let reach = if OWNER_ONLY.contains(&name) { Reach::Account } else { Reach::Everybody };
    let (account, region) = (caller.account, caller.region);
    let has_url = matches!(resource, Resource::QueueUrl(_));
    let Some(key) = key else {
        let arn = format!("arn:aws:sqs:{region}:{account}:*");
        // A resource that no queue can be, or none at all: the operation says what is wrong with it, to who may call it.
        let absent = has_url.then_some(errors::queue_does_not_exist as _);
        return Target { arn, account: account.to_owned(), guarded: None, reach, absent };
    };
    let queue = context.broker.queue(&key);
    let has_to_exist = has_url || action == "sqs:GetQueueUrl";
    let absent = (queue.is_none() && has_to_exist).then_some(errors::queue_does_not_exist as _);
    let guarded = queue.map(|queue| queue as Arc<dyn Guarded>);
    Target { arn: key.arn(), account: key.account, guarded, reach, absent }
}

impl Guarded for Queue {
    fn policy(&self) -> Option<&str> {
        self.attributes.policy.as_deref()
    }

    fn tag(&self, key: &str) -> Option<&str> {
        tag_of(&self.tags, key)
    }
}
