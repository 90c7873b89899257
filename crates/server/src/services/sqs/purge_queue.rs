//! `PurgeQueue` (contract §2.7): removes every message of a queue, at most once in 60 s.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::errors;
use super::existing_queue;
use super::limits::PURGE_LOCK_MS;
use crate::broker::{Broker, Entry, Queue, QueueChange};
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct PurgeQueue;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    queue_url: Option<String>,
}

impl Operation for PurgeQueue {
    const NAME: &'static str = "PurgeQueue";
    const IAM_ACTION: &'static str = "sqs:PurgeQueue";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::QueueUrl(input.queue_url.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let queue = existing_queue::resolve(context, input.queue_url.as_deref()).await?;
        check_lock(&queue, context.now_ms)?;
        purge(&context.broker, &queue).await?;
        Ok(NoOutput {})
    }
}

/// Purges, and takes the lock afterwards: a purge that failed, or whose client went away, must not refuse the next. Of
/// several at the same time, all may succeed.
async fn purge(broker: &Broker, queue: &Queue) -> Result<(), AwsError> {
    broker.purge(queue).await?;
    broker.change_queue(&queue.key, lock).await
}

fn check_lock(queue: &Queue, now_ms: u64) -> Result<(), AwsError> {
    let is_locked = queue
        .purged_at_ms
        .is_some_and(|purged_at_ms| now_ms.saturating_sub(purged_at_ms) < PURGE_LOCK_MS);
    if is_locked { Err(errors::purge_queue_in_progress(&queue.key.name)) } else { Ok(()) }
}

fn lock(entry: Entry<'_>, now_ms: u64) -> Result<(QueueChange, ()), AwsError> {
    let mut queue = existing_queue::present(entry)?.clone();
    queue.purged_at_ms = Some(now_ms);
    Ok((QueueChange::Put(queue), ()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sluice_store::MemoryStore;

    use super::super::fixture::{self, NOW_MS};
    use super::*;
    use crate::broker::{BrokerConfig, PartitionPlace, QueueKind};
    use crate::clock::Clock;

    #[derive(Debug)]
    struct Fixed;

    impl Clock for Fixed {
        fn now_ms(&self) -> u64 {
            NOW_MS
        }
    }

    #[test]
    fn one_purge_in_sixty_seconds() {
        let mut queue = fixture::queue("q", QueueKind::Standard);
        for (purged_at_ms, is_allowed) in
            [(None, true), (Some(NOW_MS - 59_999), false), (Some(NOW_MS - 60_000), true)]
        {
            queue.purged_at_ms = purged_at_ms;
            let refusal = check_lock(&queue, NOW_MS).map_err(|error| error.message().to_owned());
            let text = "Only one PurgeQueue operation on q is allowed every 60 seconds.";
            assert_eq!(refusal, if is_allowed { Ok(()) } else { Err(text.to_owned()) });
        }
    }

    #[tokio::test]
    async fn a_purge_that_fails_takes_no_lock() {
        let config = BrokerConfig {
            shards: 1,
            in_flight_max: 1,
            visibility_timeout_secs_max: 1,
            encryption: None,
        };
        let broker = Broker::start(Arc::new(MemoryStore::new()), config, Arc::new(Fixed)).await;
        let broker = broker.expect("an empty store opens");
        for (shard, is_purged) in [(9, false), (1, true)] {
            let mut queue = fixture::queue("q", QueueKind::Standard);
            queue.partitions = vec![PartitionPlace { partition: 1, shard }];
            let (key, new) = (queue.key.clone(), queue.clone());
            let put = move |_: Entry<'_>, _| Ok::<_, AwsError>((QueueChange::Put(new), ()));
            broker.change_queue(&key, put).await.expect("a new queue");
            assert_eq!(purge(&broker, &queue).await.is_ok(), is_purged, "shard {shard}");
            let purged_at_ms = broker.queue(&key).expect("the queue").purged_at_ms;
            assert_eq!(purged_at_ms, is_purged.then_some(NOW_MS), "shard {shard}");
        }
        broker.shutdown().await;
    }

    #[test]
    fn the_lock_changes_no_attribute() {
        let queue = fixture::queue("q", QueueKind::Standard);
        let locked = lock(Entry::Present(&queue), NOW_MS);
        let Ok((QueueChange::Put(after), ())) = locked else { unreachable!("the queue is put") };
        assert_eq!(after, Queue { purged_at_ms: Some(NOW_MS), ..queue });
    }
}
