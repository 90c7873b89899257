//! Carries messages from the outbox of one partition to another queue: dead letters, and what a move task moves.
//!
//! The engine's `outbox` says why this can be repeated at any point: after a crash, and by whoever comes first. Usually a
//! task of the broker carries; a receive that sent messages away waits until they are there, so that whoever looks into
//! the dead-letter queue next finds them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
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

use super::body;
use super::calls::{Shared, millis, unreachable_reply};
use super::error::BrokerError;
use super::keys;
use super::message::Message;
use super::queue::{PartitionPlace, Queue, QueueKey, QueueKind};

/// Messages carried at once.
const BATCH_MAX: usize = 128;
/// Bytes of bodies carried at once, about.
const BATCH_BYTES_MAX: usize = 4 << 20;
/// Pause after something that may pass, such as a full disk.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// The outboxes that hold something, or did a moment ago.
#[derive(Debug, Default)]
pub(super) struct Transfers {
    outboxes: Mutex<HashMap<u64, Arc<Outbox>>>,
    has_work: Notify,
    stop: CancellationToken,
}

/// The outbox of one partition.
#[derive(Debug, Default)]
struct Outbox {
    /// Number of the last message put into it.
    departed_to: AtomicU64,
    /// Number of the last message carried. Whoever carries holds the lock.
    carried_to: tokio::sync::Mutex<u64>,
}

/// What a step of a move task did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Redriven {
    /// Messages moved.
    pub(super) moved: u64,
    /// Why some were not.
    pub(super) failure: Option<RedriveFailure>,
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

    fn enter(&self, partition: u64) -> Arc<Outbox> {
        Arc::clone(self.lock().entry(partition).or_default())
    }

    /// Whether an outbox has not been forgotten. Only who has locked one that is not may carry.
    fn is_current(&self, partition: u64, outbox: &Arc<Outbox>) -> bool {
        self.lock().get(&partition).is_some_and(|current| Arc::ptr_eq(current, outbox))
    }

    /// Forgets an outbox if nothing came into it since.
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

/// Carries whatever is in an outbox, until it is told to stop.
pub(super) async fn carry_all(transfers: Arc<Transfers>, shared: Weak<Shared>) {
    let work = async {
        loop {
            transfers.has_work.notified().await;
            let mut partitions = transfers.partitions();
            while let Some(partition) = partitions.pop() {
                let Some(shared) = shared.upgrade() else { return };
                match shared.carry(partition, u64::MAX).await {
                    Ok(()) => {}
                    Err(BrokerError::Stopped) => return,
                    Err(cause) => {
                        warn!(partition, %cause, "messages wait to be moved to another queue");
                        tokio::time::sleep(RETRY_PAUSE).await;
                    }
                }
                if partitions.is_empty() {
                    partitions = transfers.partitions();
                }
            }
        }
    };
    tokio::select! {
        () = transfers.stop.cancelled() => {}
        () = work => {}
    }
}

impl Shared {
    /// Waits until what is in a partition's outbox by now is where it was to go.
    pub(super) async fn settle_departures(&self, place: PartitionPlace) {
        let departed_to = self
            .transfers
            .find(place.partition)
            .map(|outbox| outbox.departed_to.load(Ordering::Acquire));
        if let Some(departed_to) = departed_to {
            // If it cannot be carried now, the task goes on trying; the receive has its answer.
            drop(self.carry(place.partition, departed_to).await);
        }
    }

    /// Waits until what is in every outbox by now is where it was to go.
    pub(super) async fn settle_all_departures(&self) {
        for partition in self.transfers.partitions() {
            // If it cannot be carried now, the task goes on trying.
            drop(self.carry(partition, u64::MAX).await);
        }
    }

    /// Moves up to `count_max` visible messages of a queue to another one, or to where each of them came from, as new
    /// messages. Nothing was visible if nothing is moved without a failure.
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
        let mut redriven = Redriven::default();
        for place in &source.partitions {
            while !self.redrive_from(source, *place, count_max, to, &mut redriven).await? {}
            if redriven != Redriven::default() {
                break;
            }
        }
        Ok(redriven)
    }

    /// Moves messages out of one partition. Does nothing and says so if somebody else has emptied the outbox meanwhile.
    async fn redrive_from(
        &self,
        source: &Queue,
        place: PartitionPlace,
        count_max: usize,
        to: Destination,
        redriven: &mut Redriven,
    ) -> Result<bool, BrokerError> {
        let outbox = self.transfers.enter(place.partition);
        // Held until the messages are where they go, so that nobody else carries some of them uncounted.
        let mut carried_to = outbox.carried_to.lock().await;
        if !self.transfers.is_current(place.partition, &outbox) {
            return Ok(false);
        }
        match self.call(source, place, Command::Depart { count_max, to }, Vec::new()).await? {
            Reply::Departed(_) => {}
            other => return unreachable_reply(&other),
        }
        self.empty(place.partition, &outbox, &mut carried_to, u64::MAX, redriven).await?;
        Ok(true)
    }

    /// Carries what is in a partition's outbox, up to a number at least.
    async fn carry(&self, partition: u64, goal: u64) -> Result<(), BrokerError> {
        while let Some(outbox) = self.transfers.find(partition) {
            let mut carried_to = outbox.carried_to.lock().await;
            if !self.transfers.is_current(partition, &outbox) {
                continue;
            }
            if *carried_to >= goal {
                return Ok(());
            }
            let mut uncounted = Redriven::default();
            return self.empty(partition, &outbox, &mut carried_to, goal, &mut uncounted).await;
        }
        Ok(())
    }

    async fn empty(
        &self,
        partition: u64,
        outbox: &Outbox,
        carried_to: &mut u64,
        goal: u64,
        redriven: &mut Redriven,
    ) -> Result<(), BrokerError> {
        loop {
            let departed_to = outbox.departed_to.load(Ordering::Acquire);
            // What was to leave a queue that is deleted is deleted with it.
            let Some((source, place)) = self.queue_of(partition) else {
                self.transfers.leave(partition, u64::MAX);
                return Ok(());
            };
            let last = self.carry_batch(&source, place, redriven).await?;
            *carried_to = (*carried_to).max(last.unwrap_or(departed_to));
            if last.is_none() {
                self.transfers.leave(partition, *carried_to);
            }
            if last.is_none() || *carried_to >= goal {
                return Ok(());
            }
        }
    }

    /// Carries the first messages in an outbox. Returns the number of the last one, if there was any.
    async fn carry_batch(
        &self,
        source: &Queue,
        place: PartitionPlace,
        redriven: &mut Redriven,
    ) -> Result<Option<u64>, BrokerError> {
        let departures =
            match self.call(source, place, Command::ReadOutbox(BATCH_MAX), Vec::new()).await? {
                Reply::Outbox(departures) => departures,
                other => return unreachable_reply(&other),
            };
        if departures.is_empty() {
            return Ok(None);
        }
        if self.store.space_left() == SpaceLeft::Low {
            return Err(BrokerError::DiskFull);
        }
        let parcels = self.pack(source, place, departures)?;
        let last = parcels.last().map(|parcel| parcel.number.0);
        let (mut delivered, mut returned) = (Vec::new(), Vec::new());
        for run in parcels.chunk_by(|left, right| left.target == right.target) {
            let numbers = run.iter().map(|parcel| parcel.number);
            match self.deliver(place.partition, run).await? {
                Ok(()) => {
                    delivered.extend(numbers);
                    let is_redriven = |parcel: &&Parcel| parcel.is_new();
                    redriven.moved += run.iter().filter(is_redriven).count() as u64;
                }
                Err(failure) => {
                    returned.extend(numbers);
                    // A dead letter that cannot leave is no failure of the task.
                    if run.iter().any(Parcel::is_new) {
                        redriven.failure = redriven.failure.or(Some(failure));
                    }
                }
            }
        }
        for command in [Command::Delivered(delivered), Command::Return(returned)] {
            self.call(source, place, command, Vec::new()).await?;
        }
        Ok(last)
    }

    /// Reads the bodies of departing messages, as many as are carried at once, and addresses them.
    fn pack(
        &self,
        source: &Queue,
        place: PartitionPlace,
        departures: Vec<(Sequence, Departure)>,
    ) -> Result<Vec<Parcel>, BrokerError> {
        let unreadable = |error: &dyn std::error::Error| BrokerError::Unreadable(error.to_string());
        let reader = &self.shard(place)?.reader;
        let mut parcels = Vec::new();
        let mut bytes_left = BATCH_BYTES_MAX;
        for (number, departure) in departures {
            let key = keys::body(place.partition, departure.sequence);
            let found = reader.get(Space::Bodies, &key).map_err(|error| unreadable(&error))?;
            bytes_left = bytes_left.saturating_sub(found.as_ref().map_or(0, |row| row.len()));
            let message = match found {
                Some(row) => Some(body::get(&row).map_err(|error| unreadable(&error))?),
                None => None,
            };
            let target = message.as_ref().map_or(Target::Nowhere, |it| target(&departure, it));
            let message = message.map(|message| readdressed(source, &departure, message));
            parcels.push(Parcel { number, departure, target, message });
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
        parcels: &[Parcel],
    ) -> Result<Result<(), RedriveFailure>, BrokerError> {
        let found = match parcels.first().map(|parcel| &parcel.target) {
            Some(Target::Address(address)) => self.queue_of(address.0).map(|(queue, _)| queue),
            Some(Target::Key(key)) => self.published.get().get(key).cloned(),
            Some(Target::Unknown) => return Ok(Err(RedriveFailure::SourceUnknown)),
            Some(Target::Nowhere) | None => return Ok(Ok(())),
        };
        let Some(queue) = found else { return Ok(Err(RedriveFailure::DestinationGone)) };
        let delay_ms = match queue.kind {
            QueueKind::Standard => millis(queue.attributes.delay_secs),
            QueueKind::Fifo => 0,
        };
        let arrivals = parcels.iter().map(|parcel| parcel.arrival(delay_ms)).collect();
        let bodies = parcels.iter().filter_map(|parcel| parcel.message.as_ref()).map(body::put);
        let command = Command::Arrive { from: QueueAddress(from), arrivals };
        let place = self.place(&queue)?;
        match self.call(&queue, place, command, bodies.collect()).await {
            Ok(Reply::Arrived(_)) => Ok(Ok(())),
            Ok(other) => unreachable_reply(&other),
            Err(BrokerError::QueueGone) => Ok(Err(RedriveFailure::DestinationGone)),
            Err(fault) => Err(fault),
        }
    }

    /// The queue that a partition belongs to.
    fn queue_of(&self, partition: u64) -> Option<(Arc<Queue>, PartitionPlace)> {
        self.published.get().values().find_map(|queue| {
            let place = queue.partitions.iter().find(|place| place.partition == partition)?;
            Some((Arc::clone(queue), *place))
        })
    }
}

/// A message on its way.
struct Parcel {
    number: Sequence,
    departure: Departure,
    target: Target,
    /// As it arrives; absent if it was purged meanwhile.
    message: Option<Message>,
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
            Destination::Queue(_) | Destination::Source => self.message.is_some(),
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

fn target(departure: &Departure, message: &Message) -> Target {
    match departure.to {
        Destination::DeadLetters(address) | Destination::Queue(address) => Target::Address(address),
        Destination::Source => {
            let source = message.source_arn.as_deref().and_then(QueueKey::from_arn);
            source.map_or(Target::Unknown, Target::Key)
        }
    }
}

/// A message as it is in the queue that it goes to (contract §4.11, §7.2).
fn readdressed(source: &Queue, departure: &Departure, message: Message) -> Message {
    match departure.to {
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
    }
}
