//! Numbers of queues for the metrics.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use sluice_engine::Counters;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::calls::{ShardHandle, Shared};
use super::queue::{PartitionPlace, Queue, QueueKey};
use super::shard::{Numbers, ShardRequest};
use super::traffic::Traffic;

/// Queues that the metrics show one by one.
const MEASURED_QUEUES_MAX: usize = 1_000;

/// How long the shards may take; those who look give up after some seconds.
const MEASURING_TIMEOUT: Duration = Duration::from_secs(2);
/// Queues that are looked at before others have their turn.
const LOOKED_AT_AT_ONCE: usize = 32;

/// Numbers of one queue for the metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueMetrics {
    /// The queue.
    pub key: QueueKey,
    /// Messages waiting to be received.
    pub visible: u64,
    /// Messages received and hidden.
    pub in_flight: u64,
    /// Messages sent and not due yet.
    pub delayed: u64,
    /// When the oldest message was sent, epoch milliseconds.
    pub oldest_sent_at_ms: Option<u64>,
    /// Noisy message groups.
    pub noisy_groups: u64,
    /// Messages waiting to be received, without those of noisy groups.
    pub visible_in_quiet_groups: u64,
    /// Messages received and hidden, without those of noisy groups.
    pub in_flight_in_quiet_groups: u64,
    /// When the oldest message that is not of a noisy group was sent, epoch milliseconds.
    pub oldest_sent_at_ms_in_quiet_groups: Option<u64>,
    /// Messages sent since the start.
    pub sent: u64,
    /// Messages received since the start, each receive counted.
    pub received: u64,
    /// Messages deleted since the start.
    pub deleted: u64,
    /// Receives since the start that returned nothing.
    pub empty_receives: u64,
}

/// What was measured of all queues.
#[derive(Debug)]
pub struct Measured {
    /// The first [`MEASURED_QUEUES_MAX`] queues by account, region and name, as far as their shards answered.
    pub queues: Vec<QueueMetrics>,
    /// How many queues are missing, because a shard did not answer in time.
    pub unmeasured: usize,
}

impl Shared {
    /// Measures queues. A shard that waits for its disk must not keep the numbers of all others from those who look.
    pub(super) async fn metrics(&self) -> Measured {
        let snapshot = self.published.get();
        let queues: Vec<_> = snapshot.queues().take(MEASURED_QUEUES_MAX).cloned().collect();
        let asked = self.of_shards(&queues).filter_map(|(shard, request, answer)| {
            shard.mailbox.try_send(request).ok().map(|()| timeout(MEASURING_TIMEOUT, answer))
        });
        // All are asked before the first is waited for.
        let asked: Vec<_> = asked.collect();
        let mut measured = HashMap::new();
        for answer in asked {
            let answered = answer.await.map(Result::unwrap_or_default).unwrap_or_default();
            measured.extend(
                answered.into_iter().map(|(id, counters, traffic)| (id, (counters, traffic))),
            );
        }
        let shown: Vec<_> =
            queues.iter().filter_map(|queue| queue_metrics(queue, &measured)).collect();
        Measured { unmeasured: queues.len() - shown.len(), queues: shown }
    }

    /// What each shard is asked for, and where it answers. Shards with none of the queues are left out.
    fn of_shards(
        &self,
        queues: &[Arc<Queue>],
    ) -> impl Iterator<Item = (&Arc<ShardHandle>, ShardRequest, oneshot::Receiver<Numbers>)> {
        self.shards.iter().enumerate().filter_map(|(index, shard)| {
            let of_shard = |place: &&PartitionPlace| usize::from(place.shard) == index + 1;
            let wanted = queues.iter().flat_map(|queue| {
                let settings = self.settings(queue);
                let places = queue.partitions.iter().filter(of_shard);
                places.map(move |place| (place.partition, settings))
            });
            let partitions: Vec<_> = wanted.collect();
            let (reply, answer) = oneshot::channel();
            let is_asked = !partitions.is_empty();
            is_asked.then_some((shard, ShardRequest::Measure { partitions, reply }, answer))
        })
    }
}

/// Looks at every queue once, so that time goes on in those, too, that nobody uses after a start: a shard knows from then
/// on when something is due in them. A shard that does not answer holds this up, and nothing else.
pub(super) async fn look_at_all(shared: Weak<Shared>, halt: CancellationToken) {
    let Some(queues) = shared.upgrade().map(|shared| shared.published.get()) else { return };
    let queues: Vec<_> = queues.queues().cloned().collect();
    for chunk in queues.chunks(LOOKED_AT_AT_ONCE) {
        let Some(shared) = shared.upgrade().filter(|_| !halt.is_cancelled()) else { return };
        for (shard, request, answer) in shared.of_shards(chunk) {
            if shard.deliver(request).await.is_ok() {
                // One that failed says so itself.
                drop(answer.await);
            }
        }
    }
}

/// Adds up what was measured of a queue's partitions, if all of them were.
fn queue_metrics(
    queue: &Queue,
    measured: &HashMap<u64, (Counters, Traffic)>,
) -> Option<QueueMetrics> {
    let (mut counters, mut traffic) = (Counters::default(), Traffic::default());
    for place in queue.partitions.iter() {
        let found = measured.get(&place.partition)?;
        counters = add(counters, found.0);
        traffic.add(found.1);
    }
    Some(QueueMetrics {
        key: queue.key.clone(),
        visible: counters.visible,
        in_flight: counters.in_flight,
        delayed: counters.delayed,
        oldest_sent_at_ms: counters.oldest_sent_at_ms,
        noisy_groups: counters.noisy_groups,
        visible_in_quiet_groups: counters.visible_in_quiet_groups,
        in_flight_in_quiet_groups: counters.in_flight_in_quiet_groups,
        oldest_sent_at_ms_in_quiet_groups: counters.oldest_sent_at_ms_in_quiet_groups,
        sent: traffic.sent,
        received: traffic.received,
        deleted: traffic.deleted,
        empty_receives: traffic.empty_receives,
    })
}

/// Adds the counters of two partitions.
pub(super) fn add(left: Counters, right: Counters) -> Counters {
    let oldest =
        |of: fn(&Counters) -> Option<u64>| [of(&left), of(&right)].into_iter().flatten().min();
    Counters {
        visible: left.visible + right.visible,
        in_flight: left.in_flight + right.in_flight,
        delayed: left.delayed + right.delayed,
        oldest_sent_at_ms: oldest(|counters| counters.oldest_sent_at_ms),
        noisy_groups: left.noisy_groups + right.noisy_groups,
        visible_in_quiet_groups: left.visible_in_quiet_groups + right.visible_in_quiet_groups,
        in_flight_in_quiet_groups: left.in_flight_in_quiet_groups + right.in_flight_in_quiet_groups,
        oldest_sent_at_ms_in_quiet_groups: oldest(|counters| {
            counters.oldest_sent_at_ms_in_quiet_groups
        }),
    }
}
