//! What a request acts on, as policies name it.

use super::add_permission::OWNER_ONLY;
use super::errors;
use super::queue_url::{self, Caller};
use crate::broker::QueueKey;
use crate::services::{Context, Reach, Resource, Target};

impl Resource {
    /// Finds out what policies a request is subject to.
    pub(crate) fn target(&self, context: &Context, action: &str) -> Target {
        let caller = Caller::of(context);
        let key = match self {
            Self::QueueUrl(text) => text.as_deref().and_then(|it| queue_url::parse(it, &caller)),
            Self::QueueArn(text) => text.as_deref().and_then(QueueKey::from_arn),
            Self::QueueName(name) => name.as_deref().map(|name| caller.key(name)),
            Self::Account => None,
        };
        let name = action.split_once(':').map_or(action, |(_service, name)| name);
        let reach = if OWNER_ONLY.contains(&name) { Reach::Account } else { Reach::Everybody };
        let (account, region) = (caller.account, caller.region);
        let Some(key) = key else {
            let arn = format!("arn:aws:sqs:{region}:{account}:*");
            // A resource that no queue can be, or none at all: the operation says what is wrong with it, to who may call it.
            let absent =
                matches!(self, Self::QueueUrl(_)).then_some(errors::queue_does_not_exist as _);
            return Target { arn, account: account.to_owned(), queue: None, reach, absent };
        };
        let queue = context.broker.queue(&key);
        let has_to_exist = matches!(self, Self::QueueUrl(_)) || action == "sqs:GetQueueUrl";
        let absent = (queue.is_none() && has_to_exist).then_some(errors::queue_does_not_exist as _);
        Target { arn: key.arn(), account: key.account, queue, reach, absent }
    }
}
