//! `CreateQueue` (contract §2.1): makes a queue, or finds one that already is as asked for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::errors;
use super::existing_queue;
use super::limits::RECREATE_LOCK_MS;
use super::queue_attributes::{self, AttributeChanges, AttributeTexts};
use super::queue_name;
use super::queue_url::{self, Caller};
use super::tags::{self, Tags};
use crate::broker::{Derived, Entry, Queue, QueueAttributes, QueueChange, QueueKey, QueueKind};
use crate::services::{Context, InputKeys, Operation, Resource};

/// The operation.
pub(super) struct CreateQueue;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    queue_name: Option<String>,
    #[serde(default)]
    attributes: Option<AttributeTexts>,
    #[serde(default, rename = "tags")]
    tags: Option<Tags>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    queue_url: String,
}

/// The queue that a request asks for.
pub(super) struct NewQueue {
    pub(super) key: QueueKey,
    pub(super) kind: QueueKind,
    pub(super) changes: AttributeChanges,
    attributes: QueueAttributes,
    tags: Tags,
}

impl NewQueue {
    /// Checks attributes and tags together.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(super) fn new(
        key: QueueKey,
        kind: QueueKind,
        changes: AttributeChanges,
        tags: &Tags,
    ) -> Result<Self, AwsError> {
        let mut attributes = QueueAttributes::default();
        changes.apply(&mut attributes)?;
        let tags = tags::merge(&key.name, &BTreeMap::new(), tags)?;
        Ok(Self { key, kind, changes, attributes, tags })
    }

    /// The queue as it is when it is new.
    pub(super) fn queue(&self, now_ms: u64) -> Queue {
        Queue {
            key: self.key.clone(),
            kind: self.kind,
            attributes: self.attributes.clone(),
            tags: self.tags.clone(),
            created_at_ms: now_ms,
            modified_at_ms: now_ms,
            purged_at_ms: None,
            deduplicates_by: self.attributes.deduplication_scope,
            partitions: Vec::new(),
            derived: Derived::default(),
        }
    }
}

impl Operation for CreateQueue {
    const NAME: &'static str = "CreateQueue";
    const IAM_ACTION: &'static str = "sqs:CreateQueue";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        Resource::QueueName { name: input.queue_name.clone(), owner: None }
    }

    fn also_needs(input: &Input) -> Vec<(&'static str, Resource)> {
        let has_tags = input.tags.as_ref().is_some_and(|tags| !tags.is_empty());
        has_tags.then(|| ("sqs:TagQueue", Self::resource(input))).into_iter().collect()
    }

    fn keys(input: &Input) -> InputKeys {
        input
            .tags
            .as_ref()
            .map_or_else(InputKeys::default, |tags| InputKeys::default().with_tags(tags))
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let texts = input.attributes.unwrap_or_default();
        let name = queue_name::given(input.queue_name.as_deref())?;
        let kind = queue_attributes::kind_asked_for(&texts)?;
        queue_name::check(name, kind)?;
        let changes = AttributeChanges::parse(kind, texts, context.extensions.sqs_limits)?;
        let key = Caller::of(context).key(name);
        let new = NewQueue::new(key.clone(), kind, changes, &input.tags.unwrap_or_default())?;
        existing_queue::check_dead_letter_target(context, &key, kind, &new.changes)?;
        let decide = move |entry: Entry<'_>, now_ms| decide(&new, entry, now_ms);
        context.broker.change_queue(&key, decide).await?;
        Ok(Output { queue_url: queue_url::build(context, &key) })
    }
}

/// Decides what becomes of the catalog. Only the attributes that are given are compared with an existing queue; tags are
/// neither compared nor added to it.
fn decide(new: &NewQueue, entry: Entry<'_>, now_ms: u64) -> Result<(QueueChange, ()), AwsError> {
    let wanted = new.queue(now_ms);
    match entry {
        Entry::Deleted { at_ms } if now_ms.saturating_sub(at_ms) < RECREATE_LOCK_MS => {
            Err(errors::queue_deleted_recently())
        }
        Entry::Absent | Entry::Deleted { .. } => Ok((QueueChange::Put(wanted), ())),
        Entry::Present(current) => match new.changes.first_difference(&wanted, current) {
            Some(attribute) => Err(errors::queue_name_exists(attribute)),
            None => Ok((QueueChange::None, ())),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, NOW_MS};
    use super::super::limits::Limits;
    use super::*;

    fn asked(pairs: &[(&str, &str)]) -> NewQueue {
        let texts = pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        let changes = AttributeChanges::parse(QueueKind::Standard, texts.collect(), Limits::SQS);
        let tags = Tags::from([("team".to_owned(), "blue".to_owned())]);
        NewQueue::new(fixture::key("q"), QueueKind::Standard, changes.expect("valid"), &tags)
            .expect("valid")
    }

    fn decided(new: &NewQueue, entry: Entry<'_>) -> Result<QueueChange, String> {
        decide(new, entry, NOW_MS)
            .map(|(change, ())| change)
            .map_err(|error| error.message().to_owned())
    }

    #[test]
    fn a_new_queue_has_the_given_attributes_and_tags() {
        let change = decided(&asked(&[("VisibilityTimeout", "5")]), Entry::Absent);
        let Ok(QueueChange::Put(queue)) = change else { unreachable!("a new queue is put") };
        assert_eq!(queue.attributes.visibility_timeout_secs, 5);
        assert_eq!(queue.attributes.delay_secs, 0);
        assert_eq!(queue.tags["team"], "blue");
        assert_eq!(queue.created_at_ms, NOW_MS);
        assert!(queue.partitions.is_empty());
    }

    #[test]
    fn creating_again_compares_given_attributes_with_current_values() {
        let mut current = fixture::queue("q", QueueKind::Standard);
        current.attributes.visibility_timeout_secs = 7;
        for same in [
            &[][..],
            &[("VisibilityTimeout", "7")][..],
            &[("DelaySeconds", "0"), ("SqsManagedSseEnabled", "True")][..],
        ] {
            let change = decided(&asked(same), Entry::Present(&current));
            assert!(matches!(change, Ok(QueueChange::None)), "{same:?}");
        }
        let different = asked(&[("DelaySeconds", "1"), ("VisibilityTimeout", "30")]);
        assert_eq!(
            decided(&different, Entry::Present(&current)).map(|_| ()),
            Err("A queue already exists with the same name and a different value for attribute \
                 VisibilityTimeout"
                .to_owned())
        );
    }

    #[test]
    fn the_name_of_a_deleted_queue_is_locked_for_sixty_seconds() {
        let deleted = |ago_ms| Entry::Deleted { at_ms: NOW_MS - ago_ms };
        assert_eq!(
            decided(&asked(&[]), deleted(59_999)).map(|_| ()),
            Err("You must wait 60 seconds after deleting a queue before you can create another \
                 with the same name."
                .to_owned())
        );
        assert!(matches!(decided(&asked(&[]), deleted(60_000)), Ok(QueueChange::Put(_))));
    }
}
