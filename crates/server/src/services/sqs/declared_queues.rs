//! Queues that a file declares: checked as a whole, then those that are missing are created.
//!
//! Every value passes the checks of `CreateQueue`. Because dead-letter targets are looked up in the file as well as among
//! the queues that exist, a queue can name one that is created after it, or itself. What exists is never changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sluice_wire::AwsError;
use tracing::warn;

use super::create_queue::NewQueue;
use super::limits::{Limits, QUEUE_KMS_DATA_KEY_REUSE, QUEUE_MESSAGE_BYTES, QUEUE_RECEIVE_WAIT};
use super::queue_attributes::{self, AttributeChanges, AttributeTexts};
use super::queue_name;
use crate::broker::{Broker, Entry, Queue, QueueChange, QueueKey, QueueKind};
use crate::config::Config;
use crate::identities::is_account_id;

/// A queue as a file declares it. A name that ends with `.fifo` declares a FIFO queue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeclaredQueue {
    /// Where it is declared, for messages: `queues.yaml:3`.
    pub place: String,
    /// Name.
    pub name: String,
    /// Account that owns it, if not the configured one.
    pub account: Option<String>,
    /// Region, if not the configured one.
    pub region: Option<String>,
    /// Attributes by their SQS names.
    pub attributes: BTreeMap<String, String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Short for a `RedrivePolicy` to a queue of the same account and region.
    pub dead_letter_queue: Option<DeadLetterQueue>,
}

/// The dead-letter queue of a declared queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetterQueue {
    /// Its name.
    pub name: String,
    /// `maxReceiveCount`, as written.
    pub receive_count_max: String,
}

/// What is wrong with a declaration, and where.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeclarationError {
    /// The file asks for something that cannot be.
    #[error("{0}")]
    Wrong(String),
    /// The broker failed.
    #[error("cannot create the queue declared at {place}: {cause}")]
    Fault {
        /// Where the queue is declared.
        place: String,
        /// What failed.
        cause: String,
    },
}

/// What holds for queues that do not say it, and for all of them.
#[derive(Debug, Clone, Copy)]
struct Home<'a> {
    /// The configured account.
    account: &'a str,
    /// The configured region.
    region: &'a str,
    /// What attributes may be.
    limits: Limits,
}

/// A queue that passed the checks.
struct Planned<'a> {
    place: &'a str,
    new: NewQueue,
    /// As it would be created, but for the time.
    queue: Queue,
}

/// Checks the declarations of a configuration and creates the queues that are missing; gives the number of those. Nothing is created when
/// one of them is wrong. A queue that exists with other attributes is left as it is, with a warning.
///
/// # Errors
/// The first thing that is wrong.
pub(crate) async fn create(broker: &Broker, config: &Config) -> Result<usize, DeclarationError> {
    let home = Home {
        account: &config.account,
        region: &config.region,
        limits: config.extensions.sqs_limits,
    };
    let plan = plan(&config.declared_queues, home, |key| broker.queue(key))?;
    let mut created = 0;
    for planned in plan {
        let (place, key) = (planned.place, planned.new.key.clone());
        let decide = move |entry: Entry<'_>, now_ms| Ok(decide(&planned.new, entry, now_ms));
        let outcome = broker.change_queue(&key, decide).await.map_err(|error: AwsError| {
            let cause = error.cause().unwrap_or_else(|| error.message()).to_owned();
            DeclarationError::Fault { place: place.to_owned(), cause }
        })?;
        match outcome {
            Outcome::Created => created += 1,
            Outcome::Same => {}
            Outcome::Different(what) => warn!(
                "{place}: queue `{}` exists with another {what}; it is left as it is",
                key.name
            ),
        }
    }
    Ok(created)
}

/// What became of a declared queue.
enum Outcome {
    Created,
    Same,
    Different(&'static str),
}

/// The rule that the name of a deleted queue is locked for 60 s protects clients from each other, not from the person
/// who wrote the file.
fn decide(new: &NewQueue, entry: Entry<'_>, now_ms: u64) -> (QueueChange, Outcome) {
    let wanted = new.queue(now_ms);
    match entry {
        Entry::Absent | Entry::Deleted { .. } => (QueueChange::Put(wanted), Outcome::Created),
        Entry::Present(current) => {
            let has_other_tags = !wanted.tags.is_empty() && wanted.tags != current.tags;
            let tags = has_other_tags.then_some("set of tags");
            let outcome = match new.changes.first_difference(&wanted, current).or(tags) {
                Some(what) => Outcome::Different(what),
                None => Outcome::Same,
            };
            (QueueChange::None, outcome)
        }
    }
}

/// Checks every declaration, each by itself and all together.
fn plan<'a>(
    declared: &'a [DeclaredQueue],
    home: Home<'_>,
    existing: impl Fn(&QueueKey) -> Option<Arc<Queue>>,
) -> Result<Vec<Planned<'a>>, DeclarationError> {
    let plan: Vec<_> =
        declared.iter().map(|declared| planned(declared, home)).collect::<Result<_, _>>()?;
    let mut seen = BTreeSet::new();
    for planned in &plan {
        if !seen.insert(&planned.new.key) {
            let text = "the queue is declared twice";
            return Err(wrong(planned.place, &planned.new.key.name, text));
        }
    }
    for source in &plan {
        let fits = source.new.changes.redrive_policy().and_then(|policy| {
            let Some(policy) = policy else { return Ok(()) };
            let in_file = plan.iter().find(|planned| planned.new.key == policy.redrive.target);
            let exists = existing(&policy.redrive.target);
            let target = exists.as_deref().or(in_file.map(|planned| &planned.queue));
            policy.check_target(&source.new.key, source.new.kind, target)
        });
        fits.map_err(|error| wrong(source.place, &source.new.key.name, error.message()))?;
    }
    Ok(plan)
}

fn planned<'a>(
    declared: &'a DeclaredQueue,
    home: Home<'_>,
) -> Result<Planned<'a>, DeclarationError> {
    let refuse = |text: &str| wrong(&declared.place, &declared.name, text);
    let kind = match declared.name.ends_with(queue_name::FIFO_SUFFIX) {
        true => QueueKind::Fifo,
        false => QueueKind::Standard,
    };
    queue_name::check(&declared.name, kind).map_err(|error| refuse(error.message()))?;
    let key = QueueKey {
        account: declared.account.clone().unwrap_or_else(|| home.account.to_owned()),
        region: declared.region.clone().unwrap_or_else(|| home.region.to_owned()),
        name: declared.name.clone(),
    };
    if !is_account_id(&key.account) {
        return Err(refuse(&format!("account: found `{}`, wants 12 digits", key.account)));
    }
    if !is_region(&key.region) {
        let text = "wants lower-case letters, digits and hyphens, such as us-east-1";
        return Err(refuse(&format!("region: found `{}`, {text}", key.region)));
    }
    let texts = attributes(declared, &key, kind)?;
    let changes = AttributeChanges::parse(kind, texts.clone(), home.limits)
        .map_err(|error| refuse(&explained(kind, &texts, home.limits, &error)))?;
    let new = NewQueue::new(key, kind, changes, &declared.tags)
        .map_err(|error| refuse(error.message()))?;
    let queue = new.queue(0);
    Ok(Planned { place: &declared.place, new, queue })
}

/// The attributes as `CreateQueue` takes them.
fn attributes(
    declared: &DeclaredQueue,
    key: &QueueKey,
    kind: QueueKind,
) -> Result<AttributeTexts, DeclarationError> {
    let refuse = |text: &str| wrong(&declared.place, &declared.name, text);
    let mut texts = declared.attributes.clone();
    // The suffix says it already; saying it again is fine.
    if let Some(found) = texts.get("FifoQueue") {
        if queue_attributes::kind_asked_for(&texts).ok() != Some(kind) {
            let text = "wants true exactly when the name ends with .fifo";
            return Err(refuse(&format!("FifoQueue: found `{found}`, {text}")));
        }
        texts.remove("FifoQueue");
    }
    if let Some(target) = &declared.dead_letter_queue {
        let arn = QueueKey { name: target.name.clone(), ..key.clone() }.arn();
        let policy = serde_json::json!({
            "deadLetterTargetArn": arn,
            "maxReceiveCount": target.receive_count_max,
        });
        if texts.insert("RedrivePolicy".to_owned(), policy.to_string()).is_some() {
            return Err(refuse("a dead-letter queue and a RedrivePolicy, wants one of them"));
        }
    }
    Ok(texts)
}

/// Says which attribute is refused, what was found and what is wanted.
fn explained(
    kind: QueueKind,
    texts: &AttributeTexts,
    limits: Limits,
    refusal: &AwsError,
) -> String {
    for (name, text) in texts {
        let one = AttributeTexts::from([(name.clone(), text.clone())]);
        if let Err(error) = AttributeChanges::parse(kind, one, limits) {
            let reason = wants(name, limits).unwrap_or_else(|| error.message().to_owned());
            return format!("{name}: found `{text}`, {reason}");
        }
    }
    refusal.message().to_owned()
}

fn wants(attribute: &str, limits: Limits) -> Option<String> {
    let limit = match attribute {
        "VisibilityTimeout" => limits.queue_visibility_timeout(),
        "DelaySeconds" => limits.queue_delay(),
        "MaximumMessageSize" => QUEUE_MESSAGE_BYTES,
        "MessageRetentionPeriod" => limits.queue_retention(),
        "ReceiveMessageWaitTimeSeconds" => QUEUE_RECEIVE_WAIT,
        "KmsDataKeyReusePeriodSeconds" => QUEUE_KMS_DATA_KEY_REUSE,
        "SqsManagedSseEnabled" | "ContentBasedDeduplication" => {
            return Some("wants true or false".to_owned());
        }
        _ => return None,
    };
    Some(format!("wants a number from {} to {}", limit.min, limit.max))
}

fn wrong(place: &str, name: &str, text: &str) -> DeclarationError {
    DeclarationError::Wrong(format!("{place}: queue `{name}`: {text}"))
}

/// Whether this is the name of a region; it goes into stored keys.
pub(super) fn is_region(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=64).contains(&text.len()) && text.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;
    use crate::broker::{DeduplicationScope, Redrive};

    const HOME: Home<'_> =
        Home { account: "000000000000", region: "us-east-1", limits: Limits::SQS };

    fn declared(name: &str, attributes: &[(&str, &str)]) -> DeclaredQueue {
        let texts = attributes.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        DeclaredQueue {
            place: "q.yaml:1".to_owned(),
            name: name.to_owned(),
            attributes: texts.collect(),
            ..DeclaredQueue::default()
        }
    }

    fn with_dead_letters(name: &str, target: &str, count: &str) -> DeclaredQueue {
        let target =
            DeadLetterQueue { name: target.to_owned(), receive_count_max: count.to_owned() };
        DeclaredQueue { dead_letter_queue: Some(target), ..declared(name, &[]) }
    }

    fn refusal(all: &[DeclaredQueue]) -> String {
        plan(all, HOME, |_| None).map(|_| ()).expect_err("refused").to_string()
    }

    #[test]
    fn an_attribute_out_of_range_says_what_is_wanted() {
        assert_eq!(
            refusal(&[declared("orders", &[("DelaySeconds", "901"), ("VisibilityTimeout", "5")])]),
            "q.yaml:1: queue `orders`: DelaySeconds: found `901`, wants a number from 0 to 900"
        );
        assert_eq!(
            refusal(&[declared("orders", &[("Colour", "red")])]),
            "q.yaml:1: queue `orders`: Colour: found `red`, Unknown Attribute Colour."
        );
        assert_eq!(
            refusal(&[declared("orders", &[("FifoQueue", "true")])]),
            "q.yaml:1: queue `orders`: FifoQueue: found `true`, wants true exactly when the name \
             ends with .fifo"
        );
    }

    #[test]
    fn names_accounts_and_regions_are_checked() {
        assert!(refusal(&[declared("a b", &[])]).contains("Can only include alphanumeric"));
        let elsewhere = |account: &str, region: &str| DeclaredQueue {
            account: Some(account.to_owned()),
            region: Some(region.to_owned()),
            ..declared("a", &[])
        };
        assert!(refusal(&[elsewhere("queue", "eu-west-1")]).contains("wants 12 digits"));
        assert!(refusal(&[elsewhere("111122223333", "EU")]).contains("region: found `EU`"));
        assert!(refusal(&[declared("a", &[]), declared("a", &[])]).contains("declared twice"));
        let both = [declared("a", &[]), elsewhere("111122223333", "us-east-1")];
        assert_eq!(plan(&both, HOME, |_| None).map(|plan| plan.len()), Ok(2));
    }

    #[test]
    fn the_suffix_makes_a_fifo_queue() {
        let asked = [
            ("FifoQueue", "true"),
            ("FifoThroughputLimit", "perMessageGroupId"),
            ("DeduplicationScope", "messageGroup"),
        ];
        let all = [declared("orders.fifo", &asked)];
        let plan = plan(&all, HOME, |_| None).map_err(|error| error.to_string()).expect("fine");
        assert_eq!(plan[0].queue.kind, QueueKind::Fifo);
        assert_eq!(plan[0].queue.deduplicates_by, DeduplicationScope::MessageGroup);
    }

    #[test]
    fn a_dead_letter_queue_stands_later_in_the_file_exists_or_is_the_queue_itself() {
        let forward = [with_dead_letters("a", "dead", "3"), declared("dead", &[])];
        let plan = plan(&forward, HOME, |_| None).map_err(|error| error.to_string());
        let policy = plan.expect("fine")[0].queue.attributes.redrive_policy.clone();
        let expected = Redrive { target: fixture::key("dead"), receives_max: 3 };
        assert_eq!(policy, Some(expected));
        let itself = [with_dead_letters("a", "a", "3")];
        assert!(super::plan(&itself, HOME, |_| None).is_ok());
        let absent = [with_dead_letters("a", "dead", "3")];
        assert!(refusal(&absent).contains("Dead letter target does not exist."));
        let exists = |_: &QueueKey| Some(Arc::new(fixture::queue("dead", QueueKind::Standard)));
        assert!(super::plan(&absent, HOME, exists).is_ok());
        assert!(refusal(&[with_dead_letters("a", "a", "0")]).contains("maxReceiveCount: 0"));
    }

    #[test]
    fn an_existing_queue_is_left_as_it_is() {
        let all = [declared("q", &[("DelaySeconds", "9")])];
        let plan = plan(&all, HOME, |_| None).map_err(|error| error.to_string()).expect("fine");
        let current = fixture::queue("q", QueueKind::Standard);
        let decided = decide(&plan[0].new, Entry::Present(&current), fixture::NOW_MS);
        let (QueueChange::None, Outcome::Different(what)) = decided else {
            unreachable!("it differs and stays")
        };
        assert_eq!(what, "DelaySeconds");
        let deleted = decide(&plan[0].new, Entry::Deleted { at_ms: fixture::NOW_MS }, 0);
        assert!(matches!(deleted, (QueueChange::Put(_), Outcome::Created)));
    }
}
