//! Carries messages from the outbox of one partition to another queue: dead letters, and what a move task moves.
//!
//! The engine's `outbox` says why this can be repeated at any point: after a crash, and by whoever comes first. Usually a
//! task of the broker carries; a receive that sent messages away waits until they are there, so that whoever looks into
//! the dead-letter queue next finds them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use sluice_engine::{
    Arrival, ArrivalKind, Command, Departure, Destination, QueueAddress, Reply, Sequence,
};
use sluice_store::{Space, SpaceLeft};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::warn;
use uuid::Uuid;

use super::body::{self, Stored};
use super::calls::{Shared, millis, unreachable_reply};
use super::error::BrokerError;
use super::keys;
use super::message::Message;
use super::queue::{PartitionPlace, Queue, QueueKey, QueueKind};

/// Messages carried at once.
const BATCH_MAX: usize = 128;
/// Bytes of bodies carried at once, about.
const BATCH_BYTES_MAX: usize = 4 << 20;
/// Bodies read at once.
const READ_MAX: usize = 16;
/// Pause after something that may pass, such as a full disk.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// A receive waits this long at most for what it sent away; the rest arrives a little later.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(1);

/// The outboxes that hold something, or did a moment ago.
#[derive(Debug, Default)]
pub(super) struct Transfers {
    outboxes: Mutex<HashMap<u64, Arc<Outbox>>>,
    /// What was moved for tasks and not reported to them yet, by partition.
    redriven: Mutex<HashMap<u64, Redriven>>,
    has_work: Notify,
    stop: CancellationToken,
}

/// The outbox of one partition.
#[derive(Debug, Default)]
struct Outbox {
    /// Number of the last message put into it.
    departed_to: AtomicU64,
    /// Number of the last message carried.
    carried_to: AtomicU64,
    /// Whether the last attempt to carry failed.
    is_stuck: AtomicBool,
    /// Whoever carries holds it, for one batch.
    carrying: tokio::sync::Mutex<()>,
}

impl Outbox {
    fn has_carried(&self, number: u64) -> bool {
        self.carried_to.load(Ordering::Acquire) >= number
    }
}

/// What a step of a move task did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Redriven {
    /// Messages moved.
    pub(super) moved: u64,
    /// Why some were not.
    pub(super) failure: Option<RedriveFailure>,
    /// Whether none is left that can be moved.
    pub(super) is_all: bool,
}

/// Why a message cannot be moved out of a dead-letter queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RedriveFailure {
    /// The queue that it is to go to does not exist.
    DestinationGone,
    /// It did not come here as a dead letter, so there is no queue that it came from.
    SourceUnknown,
}

impl Transfers {
    /// Notes that messages up to this number are in the outbox of a partition.
    pub(super) fn departed(&self, partition: u64, number: u64) {
        self.lock().entry(partition).or_default().departed_to.store(number, Ordering::Release);
        self.has_work.notify_one();
    }

    /// Ends the task that carries.
    pub(super) fn stop(&self) {
        self.stop.cancel();
    }

    fn find(&self, partition: u64) -> Option<Arc<Outbox>> {
        self.lock().get(&partition).cloned()
    }

    /// Notes what was moved for a task, whoever carried it.
    fn count(&self, partition: u64, moved: u64, failure: Option<RedriveFailure>) {
        if moved > 0 || failure.is_some() {
            let mut all = self.redriven.lock().unwrap_or_else(PoisonError::into_inner);
            let redriven = all.entry(partition).or_default();
            redriven.moved += moved;
            redriven.failure = redriven.failure.or(failure);
        }
    }

    /// What was moved out of a queue for a task since the last call.
    pub(super) fn take_redriven(&self, source: &Queue) -> Redriven {
        let mut all = self.redriven.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sum = Redriven::default();
        for redriven in source.partitions.iter().filter_map(|place| all.remove(&place.partition)) {
            sum.moved += redriven.moved;
            sum.failure = sum.failure.or(redriven.failure);
        }
        sum
    }

    /// Whether an outbox has not been forgotten. Only who has locked one that is not may carry.
    fn is_current(&self, partition: u64, outbox: &Arc<Outbox>) -> bool {
        self.lock().get(&partition).is_some_and(|current| Arc::ptr_eq(current, outbox))
    }

    /// Forgets an outbox that is empty, if nothing came into it since.
    fn leave(&self, partition: u64, carried_to: u64) {
        let mut outboxes = self.lock();
        let is_done =
            |outbox: &Arc<Outbox>| outbox.departed_to.load(Ordering::Acquire) <= carried_to;
        if outboxes.get(&partition).is_some_and(is_done) {
            outboxes.remove(&partition);
        }
    }

    fn partitions(&self) -> Vec<u64> {
        self.lock().keys().copied().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<Outbox>>> {
        self.outboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Carries whatever is in an outbox, a batch of each in turn, until it is told to stop.
pub(super) async fn carry_all(transfers: Arc<Transfers>, shared: Weak<Shared>) {
    let work = async {
        loop {
            transfers.has_work.notified().await;
            let mut partitions = transfers.partitions();
            while !partitions.is_empty() {
                let mut is_stuck = true;
                for partition in partitions {
                    let Some(shared) = shared.upgrade() else { return };
                    match shared.carry(partition).await {
                        Ok(()) => is_stuck = false,
                        Err(BrokerError::Stopped) => return,
                        // Reported when it began.
                        Err(_) => {}
                    }
                }
                if is_stuck {
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
                partitions = transfers.partitions();
            }
        }
    };
    tokio::select! {
        () = transfers.stop.cancelled() => {}
        () = work => {}
    }
}

impl Shared {
    /// Waits until what is in a partition's outbox by now is where it was to go, but not long, and not for what cannot be
    /// carried: the task goes on trying, and the receive has its answer.
    pub(super) async fn settle_departures(&self, place: PartitionPlace) {
        drop(tokio::time::timeout(SETTLE_TIMEOUT, self.settle(place.partition)).await);
    }

    /// Waits until what is in every outbox by now is where it was to go, as far as it can be carried.
    pub(super) async fn settle_all_departures(&self) {
        for partition in self.transfers.partitions() {
            self.settle(partition).await;
        }
    }

    async fn settle(&self, partition: u64) {
        let Some(outbox) = self.transfers.find(partition) else { return };
        let goal = outbox.departed_to.load(Ordering::Acquire);
        while !outbox.has_carried(goal) && !outbox.is_stuck.load(Ordering::Acquire) {
            if self.carry(partition).await.is_err()
                || !self.transfers.is_current(partition, &outbox)
            {
                return;
            }
        }
    }

    /// Moves up to about `count_max` visible messages of a queue to another one, or to where each of them came from, as
    /// new messages. What an earlier call left in the outbox goes first.
    pub(super) async fn redrive(
        &self,
        source: &Queue,
        count_max: usize,
        destination: Option<&Queue>,
    ) -> Result<Redriven, BrokerError> {
        let to = match destination {
            Some(queue) => Destination::Queue(address(queue).ok_or(BrokerError::QueueGone)?),
            None => Destination::Source,
        };
        let mut is_all = true;
        for place in &source.partitions {
            is_all &= self.redrive_from(source, *place, count_max, to).await?;
        }
        #[cfg(feature = "sabotage")]
        let is_all = is_all || super::sabotage::has(super::sabotage::Defect::MoveTaskStopsEarly);
        Ok(Redriven { is_all, ..self.transfers.take_redriven(source) })
    }

    /// Moves messages out of one partition, one batch. Returns whether none is left.
    async fn redrive_from(
        &self,
        source: &Queue,
        place: PartitionPlace,
        count_max: usize,
        to: Destination,
    ) -> Result<bool, BrokerError> {
        if self.transfers.find(place.partition).is_some() {
            self.carry(place.partition).await?;
            return Ok(false);
        }
        match self.call(source, place, Command::Depart { count_max, to }, Vec::new()).await? {
            Reply::Departed { count, is_all } => {
                self.carry(place.partition).await?;
                Ok(count == 0 && is_all)
            }
            other => unreachable_reply(&other),
        }
    }

    /// Carries one batch of what is in a partition's outbox.
    async fn carry(&self, partition: u64) -> Result<(), BrokerError> {
        let Some(outbox) = self.transfers.find(partition) else { return Ok(()) };
        let _carrying = outbox.carrying.lock().await;
        if !self.transfers.is_current(partition, &outbox) {
            return Ok(());
        }
        let carried = self.carry_batch(partition, &outbox).await;
        let was_stuck = outbox.is_stuck.swap(carried.is_err(), Ordering::AcqRel);
        if let Err(cause) = &carried
            && !was_stuck
        {
            let queue = self.queue_of(partition).map(|(queue, _)| queue.key.arn());
            warn!(queue, %cause, "messages wait to be moved to another queue");
        }
        carried.map(drop)
    }

    /// Carries the first messages in an outbox. Returns whether there were any.
    async fn carry_batch(&self, partition: u64, outbox: &Outbox) -> Result<bool, BrokerError> {
        if self.store.space_left() == SpaceLeft::Low {
            return Err(BrokerError::DiskFull);
        }
        // What was to leave a queue that is deleted is deleted with it.
        let Some((source, place)) = self.queue_of(partition) else {
            self.transfers.leave(partition, u64::MAX);
            return Ok(false);
        };
        let departed_to = outbox.departed_to.load(Ordering::Acquire);
        let command = Command::ReadOutbox(BATCH_MAX);
        let departures = match self.call(&source, place, command, Vec::new()).await? {
            Reply::Outbox(departures) => departures,
            other => return unreachable_reply(&other),
        };
        let parcels = self.pack(&source, place, departures)?;
        let last = parcels.last().map(|parcel| parcel.number.0);
        if !parcels.is_empty() {
            self.deliver_all(&source, place, &parcels).await?;
        }
        let carried_to = last.unwrap_or(departed_to);
        outbox.carried_to.fetch_max(carried_to, Ordering::AcqRel);
        if last.is_none() {
            self.transfers.leave(partition, carried_to);
        }
        Ok(last.is_some())
    }

    /// Hands messages over, and takes them out of the outbox.
    async fn deliver_all(
        &self,
        source: &Queue,
        place: PartitionPlace,
        parcels: &[Parcel],
    ) -> Result<(), BrokerError> {
        let (mut delivered, mut returned) = (Vec::new(), Vec::new());
        let mut refused: Vec<(&Target, RedriveFailure)> = Vec::new();
        for run in parcels.chunk_by(|left, right| left.target == right.target) {
            let Some(first) = run.first() else { continue };
            // A queue that was not there for one message takes none after it: numbers arrive in order.
            let earlier = refused.iter().find(|(target, _)| **target == first.target);
            let outcome = match earlier {
                Some((_, failure)) => Err(*failure),
                None => self.deliver(place.partition, &first.target, run).await?,
            };
            let numbers = run.iter().map(|parcel| parcel.number);
            // A dead letter is no affair of a task's.
            let moved = run.iter().filter(|parcel| parcel.is_new()).count() as u64;
            match outcome {
                Ok(()) => {
                    delivered.extend(numbers);
                    self.transfers.count(place.partition, moved, None);
                }
                Err(failure) => {
                    returned.extend(numbers);
                    refused.push((&first.target, failure));
                    let failure = Some(failure).filter(|_| moved > 0);
                    self.transfers.count(place.partition, 0, failure);
                }
            }
        }
        // What comes back does so first: until then a later attempt could still deliver it.
        if !returned.is_empty() {
            self.call(source, place, Command::Return(returned), Vec::new()).await?;
        }
        if !delivered.is_empty() {
            self.call(source, place, Command::Delivered(delivered), Vec::new()).await?;
        }
        Ok(())
    }

    /// Reads the bodies of departing messages, as many as are carried at once, and addresses them. Those before one that
    /// cannot be read are carried.
    fn pack(
        &self,
        source: &Queue,
        place: PartitionPlace,
        departures: Vec<(Sequence, Departure)>,
    ) -> Result<Vec<Parcel>, BrokerError> {
        let unreadable = |error: &dyn std::error::Error| BrokerError::Unreadable(error.to_string());
        let reader = &self.shard(place)?.reader;
        let mut parcels = Vec::with_capacity(departures.len());
        let mut bytes_left = BATCH_BYTES_MAX;
        for chunk in departures.chunks(READ_MAX) {
            let body_key = |departure: &Departure| keys::body(place.partition, departure.sequence);
            let body_keys: Vec<_> = chunk.iter().map(|(_, it)| body_key(it)).collect();
            let rows =
                reader.multi_get(Space::Bodies, &body_keys).map_err(|error| unreadable(&error))?;
            for ((number, departure), row) in chunk.iter().zip(rows) {
                bytes_left = bytes_left.saturating_sub(row.as_ref().map_or(0, |row| row.len()));
                match row.map(|row| body::get(&row)).transpose() {
                    Ok(stored) => parcels.push(parcel(source, *number, *departure, stored)),
                    Err(error) if parcels.is_empty() => return Err(unreadable(&error)),
                    Err(_) => return Ok(parcels),
                }
            }
            if bytes_left == 0 {
                break;
            }
        }
        Ok(parcels)
    }

    /// Hands messages over to one target. They stay where they are if it cannot take them.
    async fn deliver(
        &self,
        from: u64,
        target: &Target,
        parcels: &[Parcel],
    ) -> Result<Result<(), RedriveFailure>, BrokerError> {
        // Always the same partition of a queue: it is the one that knows what arrived before.
        let found = match target {
            Target::Address(address) => self.queue_of(address.0),
            Target::Key(key) => {
                let queue = self.published.get().get(key).cloned();
                queue
                    .and_then(|queue| queue.partitions.first().copied().map(|place| (queue, place)))
            }
            Target::Unknown => return Ok(Err(RedriveFailure::SourceUnknown)),
            Target::Nowhere => return Ok(Ok(())),
        };
        let Some((queue, place)) = found else { return Ok(Err(RedriveFailure::DestinationGone)) };
        let delay_ms = match queue.kind {
            QueueKind::Standard => millis(queue.attributes.delay_secs),
            QueueKind::Fifo => 0,
        };
        let arrivals = parcels.iter().map(|parcel| parcel.arrival(delay_ms)).collect();
        let stored = parcels.iter().filter_map(|parcel| parcel.stored.as_ref());
        let bodies = stored.map(|stored| body::put(&stored.message, stored.envelope.as_ref()));
        let command = Command::Arrive { from: QueueAddress(from), arrivals };
        match self.call(&queue, place, command, bodies.collect()).await {
            Ok(Reply::Arrived(_)) => Ok(Ok(())),
            Ok(other) => unreachable_reply(&other),
            Err(BrokerError::QueueGone) => Ok(Err(RedriveFailure::DestinationGone)),
            Err(fault) => Err(fault),
        }
    }

    /// The queue that a partition belongs to.
    fn queue_of(&self, partition: u64) -> Option<(Arc<Queue>, PartitionPlace)> {
        self.published.get().owner(partition)
    }
}

/// A message on its way.
struct Parcel {
    number: Sequence,
    departure: Departure,
    target: Target,
    /// As it arrives; absent if it was purged meanwhile.
    stored: Option<Stored>,
}

/// Where it goes.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    Address(QueueAddress),
    Key(QueueKey),
    /// Where it came from, which it does not say.
    Unknown,
    /// It does not exist any more.
    Nowhere,
}

impl Parcel {
    /// Whether it arrives as a new message.
    fn is_new(&self) -> bool {
        match self.departure.to {
            Destination::DeadLetters(_) => false,
            Destination::Queue(_) | Destination::Source => self.stored.is_some(),
        }
    }

    fn arrival(&self, delay_ms: u64) -> Arrival {
        let kind = match self.departure.to {
            Destination::DeadLetters(_) => ArrivalKind::DeadLetter(self.departure.history),
            Destination::Queue(_) | Destination::Source => ArrivalKind::New { delay_ms },
        };
        Arrival { number: self.number, group: self.departure.group, kind }
    }
}

/// How the engine names a queue: by its first partition, whose number no other queue ever gets.
pub(super) fn address(queue: &Queue) -> Option<QueueAddress> {
    queue.partitions.first().map(|place| QueueAddress(place.partition))
}

fn parcel(
    source: &Queue,
    number: Sequence,
    departure: Departure,
    stored: Option<Stored>,
) -> Parcel {
    let target = stored.as_ref().map_or(Target::Nowhere, |stored| target(&departure, stored));
    let stored = stored.map(|stored| readdressed(source, &departure, stored));
    Parcel { number, departure, target, stored }
}

fn target(departure: &Departure, stored: &Stored) -> Target {
    match departure.to {
        Destination::DeadLetters(address) | Destination::Queue(address) => Target::Address(address),
        Destination::Source => {
            let source = stored.message.source_arn.as_deref().and_then(QueueKey::from_arn);
            source.map_or(Target::Unknown, Target::Key)
        }
    }
}

/// A message as it is in the queue that it goes to (contract §4.11, §7.2). An encrypted body stays as it is (contract §9).
fn readdressed(source: &Queue, departure: &Departure, stored: Stored) -> Stored {
    let Stored { message, mut envelope } = stored;
    if let Some(envelope) = &mut envelope {
        envelope.leave(&source.key.arn(), message.id);
    }
    let message = match departure.to {
        Destination::DeadLetters(_) => Message {
            sent_at_ms: Some(message.sent_at_ms.unwrap_or(departure.sequence.at_ms())),
            source_arn: Some(source.key.arn()),
            // So that deduplication cannot swallow it (contract §4.11).
            deduplication_id: message.deduplication_id.as_ref().map(|_| message.id.to_string()),
            ..message
        },
        Destination::Queue(_) | Destination::Source => {
            Message { id: Uuid::new_v4(), sent_at_ms: None, source_arn: None, ..message }
        }
    };
    Stored { message, envelope }
}
