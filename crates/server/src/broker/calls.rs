//! The way of a command to the shard of its partition, and of the answer back.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::Duration;

use sluice_engine::{
    Command, DeadLetters, Delivery, Handle, Policy, QueueAddress, QueueConfig, Reply, RequestId,
    Sequence,
};
use sluice_store::{Reader, Space, Store};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::admission::{Admission, Bound, Refusals};
use super::body::Stored;
use super::catalog::{Job, Published};
use super::error::BrokerError;
use super::health::Health;
use super::lost_answer::OpenReceive;
use super::message::Received;
use super::queue::{PartitionPlace, Queue, QueueKind};
use super::receipt::{Receipt, ReceiptKey};
use super::shard::{Settings, ShardRequest};
use super::transfer::Transfers;
use super::{body, encrypted_body, keys, start};
use crate::encryption::Encryption;

/// From this many receives on, a message of a standard queue goes to its back (contract §4.2).
const BACK_OF_QUEUE_RECEIVES: u32 = 3;
/// Pause before a full mailbox is tried again with what must get into it.
const MAILBOX_FULL_PAUSE: Duration = Duration::from_millis(5);

/// What every handle shares.
pub(super) struct Shared {
    pub(super) store: Arc<dyn Store>,
    pub(super) published: Published,
    pub(super) jobs: Mutex<Option<mpsc::Sender<Job>>>,
    pub(super) shards: Vec<Arc<ShardHandle>>,
    pub(super) receipts: ReceiptKey,
    pub(super) health: Health,
    pub(super) is_draining: AtomicBool,
    pub(super) next_request: AtomicU64,
    pub(super) in_flight_max: usize,
    pub(super) visibility_max_ms: u64,
    pub(super) encryption: Option<Encryption>,
    pub(super) transfers: Arc<Transfers>,
    /// Whether waits are bounded by real time, because the clock of the queues may stand still.
    pub(super) has_virtual_clock: bool,
    /// Counts requests that were refused because too many wait.
    pub(super) refusals: Arc<Refusals>,
    pub(super) running: start::Running,
}

/// The way to one shard.
pub(super) struct ShardHandle {
    pub(super) mailbox: Arc<SyncSender<ShardRequest>>,
    pub(super) admission: Arc<Admission>,
    pub(super) reader: Arc<dyn Reader>,
    /// Whoever waits for room in a full mailbox; one at a time looks for it.
    room: Semaphore,
}

impl Shared {
    pub(super) fn jobs(&self) -> Option<mpsc::Sender<Job>> {
        self.jobs.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    pub(super) fn take_jobs(&self) -> Option<mpsc::Sender<Job>> {
        self.jobs.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
    }

    /// The partition that takes the next command for any message of the queue.
    pub(super) fn place(&self, queue: &Queue) -> Result<PartitionPlace, BrokerError> {
        let turn = self.next_request.load(Ordering::Relaxed);
        let count = queue.partitions.len() as u64;
        let index = turn.checked_rem(count).and_then(|index| usize::try_from(index).ok());
        index.map(|index| queue.partitions[index]).ok_or(BrokerError::QueueGone)
    }

    pub(super) fn settings(&self, queue: &Queue) -> Settings {
        let redrive = queue.attributes.redrive_policy.as_ref();
        let policy = match queue.kind {
            QueueKind::Standard => Policy::Standard {
                // Unless it leaves before it would get there (contract §4.2).
                back_of_queue_receives: redrive
                    .is_none_or(|redrive| redrive.receives_max > BACK_OF_QUEUE_RECEIVES)
                    .then_some(BACK_OF_QUEUE_RECEIVES),
            },
            QueueKind::Fifo => Policy::Fifo { delay_ms: millis(queue.attributes.delay_secs) },
        };
        let config = QueueConfig {
            retention_ms: millis(queue.attributes.retention_secs),
            in_flight_max: self.in_flight_max,
            visibility_max_ms: self.visibility_max_ms,
            dead_letters: redrive.zip(queue.derived.dead_letters).map(|(redrive, partition)| {
                DeadLetters { receives_max: redrive.receives_max, queue: QueueAddress(partition) }
            }),
            policy,
        };
        #[cfg(feature = "sabotage")]
        let config = super::sabotage::config(config);
        Settings { config, version: queue.derived.version }
    }

    /// Sends a command to a partition and waits for its durable answer. Dropping the future withdraws the command if
    /// it still waits.
    pub(super) async fn call(
        &self,
        queue: &Queue,
        place: PartitionPlace,
        command: Command,
        bodies: Vec<Vec<u8>>,
    ) -> Result<Reply, BrokerError> {
        #[cfg(feature = "sabotage")]
        let (command, bodies) = super::sabotage::command(command, bodies);
        let shard = self.shard(place)?;
        let request = RequestId(self.next_request.fetch_add(1, Ordering::Relaxed));
        let (reply, answer) = oneshot::channel();
        let settings = self.settings(queue);
        let receive = match command {
            Command::Receive { wait_ms, attempt, .. } => Some((wait_ms, attempt)),
            _ => None,
        };
        let envelope = ShardRequest::Command {
            partition: place.partition,
            settings,
            request,
            admitted: shard.admission.admit(place.partition, &bodies)?,
            command,
            bodies,
            reply,
        };
        shard.mailbox.try_send(envelope).map_err(|error| match error {
            TrySendError::Full(_) => shard.admission.refuse(Bound::Mailbox),
            TrySendError::Disconnected(_) => BrokerError::Stopped,
        })?;
        let Some((wait_ms, attempt)) = receive else {
            return answer.await.unwrap_or(Err(BrokerError::Stopped));
        };
        let mut open = OpenReceive {
            running: &self.running,
            shard,
            place,
            settings,
            request,
            wait_ms,
            is_repeatable: attempt.is_some(),
            answer: Some(answer),
        };
        let answered = if wait_ms > 0 && self.has_virtual_clock {
            let end_wait = ShardRequest::EndWait { partition: place.partition, request };
            let wait = Duration::from_millis(wait_ms);
            Box::pin(self.answer_within(shard, wait, end_wait, &mut open)).await
        } else {
            open.answer().await
        };
        answered.unwrap_or(Err(BrokerError::Stopped))
    }

    /// Waits for an answer; when the time is over in reality too, asks for it with `end_wait`.
    async fn answer_within(
        &self,
        shard: &ShardHandle,
        wait: Duration,
        end_wait: ShardRequest,
        open: &mut OpenReceive<'_>,
    ) -> Result<Result<Reply, BrokerError>, oneshot::error::RecvError> {
        if let Ok(answered) = tokio::time::timeout(wait, open.answer()).await {
            return answered;
        }
        // A shard that has stopped drops the answer's sender, which ends the wait as well.
        drop(shard.deliver(end_wait).await);
        open.answer().await
    }

    pub(super) fn shard(&self, place: PartitionPlace) -> Result<&Arc<ShardHandle>, BrokerError> {
        let index = usize::from(place.shard).checked_sub(1);
        index.and_then(|index| self.shards.get(index)).ok_or(BrokerError::Stopped)
    }

    /// Reads the bodies of received messages. One that was purged or expired meanwhile is left out, and one that cannot be
    /// read, unless there is no other.
    pub(super) fn read_bodies(
        &self,
        queue: &Queue,
        place: PartitionPlace,
        deliveries: &[Delivery],
    ) -> Result<Vec<Received>, BrokerError> {
        if deliveries.is_empty() {
            return Ok(Vec::new());
        }
        let body_keys: Vec<Vec<u8>> = deliveries
            .iter()
            .map(|delivery| keys::body(place.partition, delivery.sequence))
            .collect();
        let reader = &self.shard(place)?.reader;
        let found = match reader.multi_get(Space::Bodies, &body_keys) {
            Ok(found) => found.into_iter().map(Ok).collect(),
            // One that is damaged must not keep the others back.
            Err(_) => {
                body_keys.iter().map(|key| reader.get(Space::Bodies, key)).collect::<Vec<_>>()
            }
        };
        let mut received = Vec::with_capacity(deliveries.len());
        let mut unreadable = None;
        for (delivery, found) in deliveries.iter().zip(found) {
            let message = match found {
                Ok(None) => continue,
                Ok(Some(bytes)) => self.read_body(queue, &bytes),
                Err(error) => Err(error.to_string()),
            };
            match message {
                Ok(stored) => {
                    let message = self.received(queue, place, delivery, stored);
                    #[cfg(feature = "sabotage")]
                    let message = super::sabotage::received(message);
                    received.push(message);
                }
                Err(cause) => {
                    let (queue, sequence) = (queue.key.arn(), delivery.sequence.0);
                    tracing::error!(
                        queue,
                        sequence,
                        cause,
                        "a message cannot be read and is left out"
                    );
                    unreadable = Some(cause);
                }
            }
        }
        match unreadable {
            Some(cause) if received.is_empty() => Err(BrokerError::Unreadable(cause)),
            Some(_) | None => Ok(received),
        }
    }

    fn read_body(&self, queue: &Queue, bytes: &[u8]) -> Result<Stored, String> {
        let stored = body::get(bytes).map_err(|error| error.to_string())?;
        let opened = encrypted_body::open(queue, stored, self.encryption.as_ref());
        opened.map_err(|error| error.to_string())
    }

    fn received(
        &self,
        queue: &Queue,
        place: PartitionPlace,
        delivery: &Delivery,
        stored: Stored,
    ) -> Received {
        let Stored { message, envelope } = stored;
        let handle = Handle {
            sequence: delivery.sequence,
            receive_count: delivery.receive_count,
            received_at_ms: delivery.received_at_ms,
        };
        Received {
            receipt_handle: self.receipts.issue(&Receipt { partition: place.partition, handle }),
            sent_at_ms: message.sent_at_ms.unwrap_or(delivery.sequence.at_ms()),
            receive_count: delivery.receive_count,
            first_received_at_ms: delivery.first_received_at_ms,
            sequence_number: sequence_number(queue, delivery.sequence),
            message,
            locked: envelope.map(Box::new),
        }
    }

    /// Removes partitions for good.
    pub(super) async fn remove(
        self: Arc<Self>,
        places: Vec<PartitionPlace>,
    ) -> Result<(), BrokerError> {
        let mut answers = Vec::with_capacity(places.len());
        for place in places {
            let (reply, answer) = oneshot::channel();
            // Unlike a client's command this cannot be refused: the queue is deleted already.
            let request = ShardRequest::Drop { partition: place.partition, reply };
            self.shard(place)?.deliver(request).await?;
            answers.push(answer);
        }
        for answer in answers {
            answer.await.unwrap_or(Err(BrokerError::Stopped))?;
        }
        Ok(())
    }

    /// Lets every shard do what is due by now, and waits until that is durable, in other queues too.
    pub(super) async fn catch_up(&self) -> Result<(), BrokerError> {
        let mut answers = Vec::with_capacity(self.shards.len());
        for shard in &self.shards {
            let (reply, answer) = oneshot::channel();
            shard.deliver(ShardRequest::CatchUp { reply }).await?;
            answers.push(answer);
        }
        for answer in answers {
            answer.await.unwrap_or(Err(BrokerError::Stopped))?;
        }
        self.settle_all_departures().await;
        Ok(())
    }
}

impl ShardHandle {
    pub(super) fn new(
        mailbox: Arc<SyncSender<ShardRequest>>,
        admission: Arc<Admission>,
        reader: Arc<dyn Reader>,
    ) -> Self {
        Self { mailbox, admission, reader, room: Semaphore::new(1) }
    }

    /// Puts a request into the mailbox if there is room, else gives it back.
    #[allow(clippy::result_large_err, reason = "it goes on to where it has to wait")]
    pub(super) fn deliver_now(&self, request: ShardRequest) -> Result<(), ShardRequest> {
        self.mailbox.try_send(request).map_err(|error| match error {
            TrySendError::Full(back) | TrySendError::Disconnected(back) => back,
        })
    }

    /// Puts a request into the mailbox, however long that takes.
    pub(super) async fn deliver(&self, request: ShardRequest) -> Result<(), BrokerError> {
        let Err(mut request) = self.deliver_now(request) else { return Ok(()) };
        // The semaphore is never closed. In a line, so that thousands who wait do not all try again and again.
        let _turn = self.room.acquire().await;
        while let Err(refused) = self.mailbox.try_send(request) {
            match refused {
                TrySendError::Full(back) => request = back,
                TrySendError::Disconnected(_) => return Err(BrokerError::Stopped),
            }
            tokio::time::sleep(MAILBOX_FULL_PAUSE).await;
        }
        Ok(())
    }
}

/// `SequenceNumber` of a message in a FIFO queue: 20 digits (contract §5.3).
pub(super) fn sequence_number(queue: &Queue, sequence: Sequence) -> Option<String> {
    match queue.kind {
        QueueKind::Standard => None,
        QueueKind::Fifo => Some(format!("{:020}", sequence.0)),
    }
}

pub(super) fn millis(secs: u32) -> u64 {
    u64::from(secs) * 1_000
}

/// The engine answers each command with its own kind of reply; anything else is a bug in the broker.
pub(super) fn unreachable_reply<T>(reply: &Reply) -> Result<T, BrokerError> {
    tracing::error!("the engine gave an answer of another kind: {reply:?}");
    Err(BrokerError::Stopped)
}
