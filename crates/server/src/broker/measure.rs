//! Numbers of queues for the metrics.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sluice_engine::Counters;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::calls::Shared;
use super::queue::{PartitionPlace, Queue, QueueKey};
use super::shard::ShardRequest;
use super::traffic::Traffic;

/// Queues that the metrics show one by one.
const MEASURED_QUEUES_MAX: usize = 1_000;

/// How long the shards may take; those who look give up after some seconds.
const MEASURING_TIMEOUT: Duration = Duration::from_secs(2);

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
        let queues: Vec<&Arc<Queue>> = snapshot.values().take(MEASURED_QUEUES_MAX).collect();
        let asked = self.shards.iter().enumerate().filter_map(|(index, shard)| {
            let of_shard = |place: &&PartitionPlace| usize::from(place.shard) == index + 1;
            let wanted = queues.iter().flat_map(|queue| {
                let settings = self.settings(queue);
                let places = queue.partitions.iter().filter(of_shard);
                places.map(move |place| (place.partition, settings))
            });
            let (reply, answer) = oneshot::channel();
            let request = ShardRequest::Measure { partitions: wanted.collect(), reply };
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
