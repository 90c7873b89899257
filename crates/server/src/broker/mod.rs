//! The broker: queues by name, and their messages, wherever their partitions live.
//!
//! Nothing outside this module knows of shards or partitions. The order inside: names and messages, the catalog of
//! queues, the shards that own partitions, and this handle in front of them.

use std::collections::HashMap;
use std::future::Future;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};

use sluice_engine::{Command, Delivery, GroupId, NewMessage, QueueConfig, Reply, RequestId, Sequence};
use sluice_store::{Reader, Space, SpaceLeft, Store};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

mod body;
mod catalog;
mod error;
mod health;
mod keys;
mod message;
mod partition;
mod queue;
mod receipt;
mod rows;
mod shard;
mod start;
mod traffic;

pub use catalog::{CatalogError, Entry, QueueChange};
pub use error::BrokerError;
pub use message::{AttributeValue, Message, MessageAttribute, Outgoing, Received};
pub use queue::{
    DeduplicationScope, FifoThroughputLimit, PartitionPlace, Queue, QueueAttributes, QueueKey,
    QueueKind,
};
pub use receipt::{Receipt, ReceiptError, ReceiptKey};
pub use sluice_engine::{Counters, VisibilityOutcome};
pub use start::{BrokerConfig, StartError};

use catalog::{Catalog, Job, Published};
use health::Health;
use shard::{Settings, ShardRequest};
use traffic::Traffic;

/// From this many receives on, a message of a standard queue goes to its back (contract §4.2).
const BACK_OF_QUEUE_RECEIVES: u32 = 3;
/// Queues that the metrics show one by one.
const MEASURED_QUEUES_MAX: usize = 1_000;

/// Handle to all queues; cheap to clone.
#[derive(Clone)]
pub struct Broker {
    shared: Arc<Shared>,
}

struct Shared {
    store: Arc<dyn Store>,
    published: Published,
    jobs: std::sync::Mutex<Option<mpsc::Sender<Job>>>,
    shards: Vec<ShardHandle>,
    receipts: ReceiptKey,
    health: Health,
    is_draining: AtomicBool,
    next_request: AtomicU64,
    in_flight_max: usize,
    running: start::Running,
}

/// The way to one shard.
struct ShardHandle {
    mailbox: SyncSender<ShardRequest>,
    reader: Arc<dyn Reader>,
}

/// How a receive is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiveOptions {
    /// Messages at most.
    pub count_max: u32,
    /// How long to wait for the first message, s.
    pub wait_secs: u32,
    /// How long the messages stay hidden, s.
    pub visibility_timeout_secs: u32,
}

/// What a send reports for one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentMessage {
    /// `MessageId`.
    pub id: Uuid,
    /// `SequenceNumber`, FIFO only.
    pub sequence_number: Option<String>,
}

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
    /// Messages sent since the start.
    pub sent: u64,
    /// Messages received since the start, each receive counted.
    pub received: u64,
    /// Messages deleted since the start.
    pub deleted: u64,
    /// Receives since the start that returned nothing.
    pub empty_receives: u64,
}

impl Broker {
    /// Looks a queue up. Reads a snapshot and never waits.
    pub fn queue(&self, key: &QueueKey) -> Option<Arc<Queue>> {
        self.shared.published.get().get(key).cloned()
    }

    /// Lists queues of an account and region in ascending order of name: those that start with `prefix` and come
    /// strictly after `after`, at most `limit`.
    pub fn list(
        &self,
        account: &str,
        region: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Vec<Arc<Queue>> {
        let key = |name: &str| QueueKey {
            account: account.to_owned(),
            region: region.to_owned(),
            name: name.to_owned(),
        };
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(key(after)),
            Some(_) | None => Bound::Included(key(prefix)),
        };
        let is_listed = |key: &QueueKey| {
            key.account == account && key.region == region && key.name.starts_with(prefix)
        };
        self.shared
            .published
            .get()
            .range((start, Bound::Unbounded))
            .take_while(|(key, _)| is_listed(key))
            .take(limit)
            .map(|(_, queue)| Arc::clone(queue))
            .collect()
    }

    /// Creates, changes or deletes a queue. `decide` is pure and runs on the catalog's task; when this returns, the
    /// change is durable and visible.
    ///
    /// # Errors
    /// What `decide` refuses with, or a fault of the broker.
    pub async fn change_queue<T, E>(
        &self,
        key: &QueueKey,
        decide: impl FnOnce(Entry<'_>, u64) -> Result<(QueueChange, T), E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<BrokerError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Catalog::job(key.clone(), decide, reply);
        let jobs = self.shared.jobs();
        let sent = match jobs {
            Some(jobs) => jobs.send(job).await.map_err(|_| BrokerError::Stopped),
            None => Err(BrokerError::Stopped),
        };
        sent?;
        answer.await.unwrap_or_else(|_| Err(BrokerError::Stopped.into()))
    }

    /// Sends messages, in order; all or none are sent.
    ///
    /// # Errors
    /// A fault of the broker.
    pub async fn send(
        &self,
        queue: &Queue,
        messages: Vec<Outgoing>,
    ) -> Result<Vec<SentMessage>, BrokerError> {
        if self.shared.store.space_left() == SpaceLeft::Low {
            return Err(BrokerError::DiskFull);
        }
        let new = messages
            .iter()
            .map(|outgoing| NewMessage {
                group: GroupId::NONE,
                delay_ms: millis(outgoing.delay_secs),
            })
            .collect();
        let bodies = messages.iter().map(|outgoing| body::put(&outgoing.message)).collect();
        let place = self.shared.place(queue)?;
        match self.shared.call(queue, place, Command::Send(new), bodies).await? {
            Reply::Sent(_) => Ok(messages
                .iter()
                .map(|outgoing| SentMessage { id: outgoing.message.id, sequence_number: None })
                .collect()),
            other => unreachable_reply(&other),
        }
    }

    /// Receives messages, waiting for the first. Dropping the future ends the wait.
    ///
    /// # Errors
    /// [`BrokerError::OverLimit`] for a short poll at the cap of messages in flight, or a fault of the broker.
    pub async fn receive(
        &self,
        queue: &Queue,
        options: ReceiveOptions,
    ) -> Result<Vec<Received>, BrokerError> {
        let is_draining = self.shared.is_draining.load(Ordering::Acquire);
        let command = Command::Receive {
            count_max: options.count_max as usize,
            wait_ms: if is_draining { 0 } else { millis(options.wait_secs) },
            visibility_ms: millis(options.visibility_timeout_secs),
        };
        let place = self.shared.place(queue)?;
        match self.shared.call(queue, place, command, Vec::new()).await? {
            Reply::Received(deliveries) => self.shared.read_bodies(place, &deliveries),
            Reply::OverLimit => Err(BrokerError::OverLimit),
            other => unreachable_reply(&other),
        }
    }

    /// Deletes messages. One that is gone already is fine.
    ///
    /// # Errors
    /// A fault of the broker.
    pub async fn delete(&self, queue: &Queue, receipts: Vec<Receipt>) -> Result<(), BrokerError> {
        for place in &queue.partitions {
            let of_place = receipts.iter().filter(|receipt| receipt.partition == place.partition);
            let handles: Vec<_> = of_place.map(|receipt| receipt.handle).collect();
            if !handles.is_empty() {
                self.shared.call(queue, *place, Command::Delete(handles), Vec::new()).await?;
            }
        }
        Ok(())
    }

    /// Hides messages for a number of seconds from now. The outcomes are in the order of the changes.
    ///
    /// # Errors
    /// A fault of the broker.
    pub async fn change_visibility(
        &self,
        queue: &Queue,
        changes: Vec<(Receipt, u32)>,
    ) -> Result<Vec<VisibilityOutcome>, BrokerError> {
        let mut outcomes = vec![VisibilityOutcome::Gone; changes.len()];
        for place in &queue.partitions {
            let of_place = changes
                .iter()
                .enumerate()
                .filter(|(_, (receipt, _))| receipt.partition == place.partition);
            let (indexes, changes): (Vec<_>, Vec<_>) = of_place
                .map(|(index, (receipt, secs))| (index, (receipt.handle, millis(*secs))))
                .unzip();
            if changes.is_empty() {
                continue;
            }
            let command = Command::ChangeVisibility(changes);
            match self.shared.call(queue, *place, command, Vec::new()).await? {
                Reply::VisibilityChanged(found) => {
                    for (index, outcome) in indexes.into_iter().zip(found) {
                        outcomes[index] = outcome;
                    }
                }
                other => return unreachable_reply(&other),
            }
        }
        Ok(outcomes)
    }

    /// Judges a receipt handle that was given for `queue`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse_receipt(&self, queue: &Queue, text: &str) -> Result<Receipt, ReceiptError> {
        self.shared.receipts.parse(queue, text)
    }

    /// Removes every message of a queue.
    ///
    /// # Errors
    /// A fault of the broker.
    pub async fn purge(&self, queue: &Queue) -> Result<(), BrokerError> {
        for place in &queue.partitions {
            self.shared.call(queue, *place, Command::Purge, Vec::new()).await?;
        }
        Ok(())
    }

    /// Counts the messages of a queue.
    ///
    /// # Errors
    /// A fault of the broker.
    pub async fn counters(&self, queue: &Queue) -> Result<Counters, BrokerError> {
        let mut sum = Counters::default();
        for place in &queue.partitions {
            match self.shared.call(queue, *place, Command::Count, Vec::new()).await? {
                Reply::Counted(counters) => sum = add(sum, counters),
                other => return unreachable_reply(&other),
            }
        }
        Ok(sum)
    }

    /// Looks at the next messages without receiving them; their receipt handles are empty.
    ///
    /// # Errors
    /// A fault of the broker.
    pub async fn peek(&self, queue: &Queue, count_max: u32) -> Result<Vec<Received>, BrokerError> {
        let place = self.shared.place(queue)?;
        match self.shared.call(queue, place, Command::Peek(count_max as usize), Vec::new()).await? {
            Reply::Peeked(deliveries) => {
                let mut peeked = self.shared.read_bodies(place, &deliveries)?;
                for received in &mut peeked {
                    received.receipt_handle.clear();
                }
                Ok(peeked)
            }
            other => unreachable_reply(&other),
        }
    }

    /// Whether the store can still be trusted.
    pub fn is_healthy(&self) -> bool {
        self.shared.health.is_good()
    }

    /// Measures the first [`MEASURED_QUEUES_MAX`] queues by account, region and name.
    pub async fn metrics(&self) -> Vec<QueueMetrics> {
        let snapshot = self.shared.published.get();
        let queues: Vec<&Arc<Queue>> = snapshot.values().take(MEASURED_QUEUES_MAX).collect();
        let mut measured = HashMap::new();
        for (index, shard) in self.shared.shards.iter().enumerate() {
            let of_shard = |place: &&PartitionPlace| usize::from(place.shard) == index + 1;
            let wanted = queues.iter().flat_map(|queue| {
                let settings = self.shared.settings(queue);
                let places = queue.partitions.iter().filter(of_shard);
                places.map(move |place| (place.partition, settings))
            });
            let (reply, answer) = oneshot::channel();
            let request = ShardRequest::Measure { partitions: wanted.collect(), reply };
            if shard.mailbox.try_send(request).is_ok() {
                let answered = answer.await.unwrap_or_default();
                measured.extend(answered.into_iter().map(|(id, counters, traffic)| (id, (counters, traffic))));
            }
        }
        queues.into_iter().map(|queue| queue_metrics(queue, &measured)).collect()
    }

    /// Answers every waiting receive now, and lets no new one wait.
    pub fn drain(&self) {
        self.shared.is_draining.store(true, Ordering::Release);
        for shard in &self.shared.shards {
            // A full mailbox means that the waits end by their own time; the drain has its own bound.
            drop(shard.mailbox.try_send(ShardRequest::StopWaiting));
        }
    }

    /// Ends every task and thread of the broker. What was accepted is decided and committed first.
    pub async fn shutdown(&self) {
        drop(self.shared.take_jobs());
        for shard in &self.shared.shards {
            let mut request = ShardRequest::Stop;
            while let Err(TrySendError::Full(back)) = shard.mailbox.try_send(request) {
                request = back;
                tokio::task::yield_now().await;
            }
        }
        self.shared.running.join().await;
    }
}

impl Shared {
    fn jobs(&self) -> Option<mpsc::Sender<Job>> {
        self.jobs.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    fn take_jobs(&self) -> Option<mpsc::Sender<Job>> {
        self.jobs.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
    }

    /// The partition that takes the next command for any message of the queue.
    fn place(&self, queue: &Queue) -> Result<PartitionPlace, BrokerError> {
        let turn = self.next_request.load(Ordering::Relaxed);
        let count = queue.partitions.len() as u64;
        let index = turn.checked_rem(count).and_then(|index| usize::try_from(index).ok());
        index.map(|index| queue.partitions[index]).ok_or(BrokerError::QueueGone)
    }

    fn settings(&self, queue: &Queue) -> Settings {
        let back_of_queue_receives = match queue.kind {
            QueueKind::Standard => Some(BACK_OF_QUEUE_RECEIVES),
            QueueKind::Fifo => None,
        };
        let config = QueueConfig {
            retention_ms: millis(queue.attributes.retention_secs),
            in_flight_max: self.in_flight_max,
            back_of_queue_receives,
        };
        Settings { config, modified_at_ms: queue.modified_at_ms }
    }

    /// Sends a command to a partition and waits for its durable answer. Dropping the future withdraws the command if
    /// it still waits.
    async fn call(
        &self,
        queue: &Queue,
        place: PartitionPlace,
        command: Command,
        bodies: Vec<Vec<u8>>,
    ) -> Result<Reply, BrokerError> {
        let shard = self.shard(place)?;
        let request = RequestId(self.next_request.fetch_add(1, Ordering::Relaxed));
        let (reply, answer) = oneshot::channel();
        let may_wait = matches!(command, Command::Receive { wait_ms, .. } if wait_ms > 0);
        let envelope = ShardRequest::Command {
            partition: place.partition,
            settings: self.settings(queue),
            request,
            command,
            bodies,
            reply,
        };
        shard.mailbox.try_send(envelope).map_err(|error| match error {
            TrySendError::Full(_) => BrokerError::Busy,
            TrySendError::Disconnected(_) => BrokerError::Stopped,
        })?;
        let withdrawal = may_wait.then(|| Withdrawal { shard, partition: place.partition, request });
        let answered = answer.await;
        if let Some(withdrawal) = withdrawal {
            withdrawal.disarm();
        }
        answered.unwrap_or(Err(BrokerError::Stopped))
    }

    fn shard(&self, place: PartitionPlace) -> Result<&ShardHandle, BrokerError> {
        let index = usize::from(place.shard).checked_sub(1);
        index.and_then(|index| self.shards.get(index)).ok_or(BrokerError::Stopped)
    }

    /// Reads the bodies of received messages. One that was purged or expired meanwhile is left out.
    fn read_bodies(
        &self,
        place: PartitionPlace,
        deliveries: &[Delivery],
    ) -> Result<Vec<Received>, BrokerError> {
        if deliveries.is_empty() {
            return Ok(Vec::new());
        }
        let unreadable = |error: &dyn std::error::Error| BrokerError::Unreadable(error.to_string());
        let body_keys: Vec<Vec<u8>> = deliveries
            .iter()
            .map(|delivery| keys::body(place.partition, delivery.sequence))
            .collect();
        let found = self
            .shard(place)?
            .reader
            .multi_get(Space::Bodies, &body_keys)
            .map_err(|error| unreadable(&error))?;
        let present = deliveries.iter().zip(found).filter_map(|(delivery, found)| Some((delivery, found?)));
        present
            .map(|(delivery, bytes)| {
                let message = body::get(&bytes).map_err(|error| unreadable(&error))?;
                Ok(self.received(place, delivery, message))
            })
            .collect()
    }

    fn received(&self, place: PartitionPlace, delivery: &Delivery, message: Message) -> Received {
        let handle = sluice_engine::Handle {
            sequence: delivery.sequence,
            receive_count: delivery.receive_count,
            received_at_ms: delivery.received_at_ms,
        };
        Received {
            message,
            receipt_handle: self.receipts.issue(&Receipt { partition: place.partition, handle }),
            sent_at_ms: Sequence::at_ms(delivery.sequence),
            receive_count: delivery.receive_count,
            first_received_at_ms: delivery.first_received_at_ms,
            sequence_number: None,
        }
    }

    /// Removes partitions for good.
    fn remove(self: Arc<Self>, places: Vec<PartitionPlace>) -> impl Future<Output = Result<(), BrokerError>> {
        async move {
            for place in places {
                let (reply, answer) = oneshot::channel();
                let request = ShardRequest::Drop { partition: place.partition, reply };
                let sent = self.shard(place)?.mailbox.try_send(request);
                sent.map_err(|_| BrokerError::Busy)?;
                answer.await.unwrap_or(Err(BrokerError::Stopped))?;
            }
            Ok(())
        }
    }
}

/// Withdraws a waiting receive when its client goes away.
struct Withdrawal<'a> {
    shard: &'a ShardHandle,
    partition: u64,
    request: RequestId,
}

impl Withdrawal<'_> {
    fn disarm(self) {
        std::mem::forget(self);
    }
}

impl Drop for Withdrawal<'_> {
    fn drop(&mut self) {
        let request = ShardRequest::Cancel { partition: self.partition, request: self.request };
        // If the mailbox is full the wait ends by itself, and what it takes becomes visible again.
        drop(self.shard.mailbox.try_send(request));
    }
}

fn millis(secs: u32) -> u64 {
    u64::from(secs) * 1_000
}

fn add(left: Counters, right: Counters) -> Counters {
    let oldest = [left.oldest_sent_at_ms, right.oldest_sent_at_ms].into_iter().flatten().min();
    Counters {
        visible: left.visible + right.visible,
        in_flight: left.in_flight + right.in_flight,
        delayed: left.delayed + right.delayed,
        oldest_sent_at_ms: oldest,
    }
}

/// Adds up what was measured of a queue's partitions.
fn queue_metrics(queue: &Queue, measured: &HashMap<u64, (Counters, Traffic)>) -> QueueMetrics {
    let (mut counters, mut traffic) = (Counters::default(), Traffic::default());
    for found in queue.partitions.iter().filter_map(|place| measured.get(&place.partition)) {
        counters = add(counters, found.0);
        traffic.add(found.1);
    }
    QueueMetrics {
        key: queue.key.clone(),
        visible: counters.visible,
        in_flight: counters.in_flight,
        delayed: counters.delayed,
        oldest_sent_at_ms: counters.oldest_sent_at_ms,
        sent: traffic.sent,
        received: traffic.received,
        deleted: traffic.deleted,
        empty_receives: traffic.empty_receives,
    }
}

/// The engine answers each command with its own kind of reply; anything else is a bug in the broker.
fn unreachable_reply<T>(reply: &Reply) -> Result<T, BrokerError> {
    tracing::error!("the engine gave an answer of another kind: {reply:?}");
    Err(BrokerError::Stopped)
}

#[cfg(test)]
pub(crate) mod testing {
    //! Queues for tests.

    use super::*;
    use std::collections::BTreeMap;

    /// A standard queue with default attributes and one partition.
    pub(crate) fn queue_with_partition(partition: u64) -> Queue {
        Queue {
            key: QueueKey {
                account: "000000000000".to_owned(),
                region: "us-east-1".to_owned(),
                name: "queue".to_owned(),
            },
            kind: QueueKind::Standard,
            attributes: QueueAttributes {
                visibility_timeout_secs: 30,
                delay_secs: 0,
                message_bytes_max: 1_048_576,
                retention_secs: 345_600,
                receive_wait_secs: 0,
                policy: None,
                redrive_policy: None,
                redrive_allow_policy: None,
                kms_master_key_id: None,
                kms_data_key_reuse_secs: None,
                is_sqs_managed_sse_enabled: true,
                is_content_based_deduplication: false,
                deduplication_scope: DeduplicationScope::Queue,
                fifo_throughput_limit: FifoThroughputLimit::PerQueue,
            },
            tags: BTreeMap::new(),
            created_at_ms: 0,
            modified_at_ms: 0,
            purged_at_ms: None,
            partitions: vec![PartitionPlace { partition, shard: 1 }],
        }
    }
}
