//! The handle to all queues: what services call.

use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::TrySendError;

use sluice_engine::{Command, Counters, DeleteOutcome, Reply, SendOutcome, VisibilityOutcome};
use sluice_store::SpaceLeft;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::calls::{Shared, millis, sequence_number, unreachable_reply};
use super::catalog::{Catalog, Entry, QueueChange};
use super::error::BrokerError;
use super::health::{Health, Stall};
use super::measure::{Measured, add};
use super::message::{Outgoing, Received};
use super::message_group::{attempt, new_message};
use super::queue::{Queue, QueueKey};
use super::receipt::{Receipt, ReceiptError};
use super::shard::ShardRequest;
use super::{admission, body, encrypted_body};
use crate::clock::Instant;
use crate::encryption::CurrentKey;

/// Handle to all queues; cheap to clone.
#[derive(Clone)]
pub struct Broker {
    pub(super) shared: Arc<Shared>,
}

/// Messages of one receive at most: the engine keeps as many of a queue in memory.
pub const RECEIVE_COUNT_MAX: u32 = 64;
const _: () = assert!(RECEIVE_COUNT_MAX as usize <= sluice_engine::Limits::SERVER.window_low);

/// How a receive is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiveOptions {
    /// Messages at most, up to [`RECEIVE_COUNT_MAX`].
    pub count_max: u32,
    /// How long to wait for the first message, s.
    pub wait_secs: u32,
    /// How long the messages stay hidden, s.
    pub visibility_timeout_secs: u32,
    /// `ReceiveRequestAttemptId`, FIFO only.
    pub attempt_id: Option<String>,
}

/// What a send reports for one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentMessage {
    /// `MessageId`.
    pub id: Uuid,
    /// `SequenceNumber`, FIFO only.
    pub sequence_number: Option<String>,
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
        self.list_where(account, region, prefix, after, limit, |_| true)
    }

    /// Lists queues as [`Self::list`] does, only those that `is_wanted` wants.
    pub fn list_where(
        &self,
        account: &str,
        region: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
        is_wanted: impl Fn(&Queue) -> bool,
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
            .queues_from(start)
            .take_while(|queue| is_listed(&queue.key))
            .filter(|queue| is_wanted(queue))
            .take(limit)
            .map(Arc::clone)
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
            Some(jobs) => jobs.try_send(job).map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => {
                    self.shared.refusals.refuse(admission::Bound::QueueChanges)
                }
                mpsc::error::TrySendError::Closed(_) => BrokerError::Stopped,
            }),
            None => Err(BrokerError::Stopped),
        };
        sent?;
        answer.await.unwrap_or_else(|_| Err(BrokerError::Stopped.into()))
    }

    /// Deletes every queue, and forgets which were deleted before. Gives the number of queues that were.
    ///
    /// # Errors
    /// A fault of the broker.
    pub async fn reset(&self) -> Result<usize, BrokerError> {
        let (reply, answer) = oneshot::channel();
        let jobs = self.shared.jobs().ok_or(BrokerError::Stopped)?;
        jobs.send(Catalog::reset_job(reply)).await.map_err(|_| BrokerError::Stopped)?;
        answer.await.unwrap_or(Err(BrokerError::Stopped))
    }

    /// Lets everything happen that is due by now, after the clock was set forward. When this returns it is durable.
    ///
    /// # Errors
    /// A fault of the broker.
    pub async fn catch_up(&self) -> Result<(), BrokerError> {
        self.shared.catch_up().await
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
        let encryption = self.shared.encryption.as_ref();
        let key = encryption.filter(|_| encrypted_body::is_wanted(queue)).map(|encryption| {
            encryption.data_key(&encrypted_body::wanted(queue, &queue.key.arn(), messages.len()))
        });
        self.send_encrypted(queue, messages, key.as_deref()).await
    }

    /// Sends messages as [`Self::send`] does, encrypted with this data key.
    ///
    /// # Errors
    /// A fault of the broker.
    pub(crate) async fn send_encrypted(
        &self,
        queue: &Queue,
        messages: Vec<Outgoing>,
        key: Option<&CurrentKey>,
    ) -> Result<Vec<SentMessage>, BrokerError> {
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        if self.shared.store.space_left() == SpaceLeft::Low {
            return Err(BrokerError::DiskFull);
        }
        let of_engine =
            |outgoing: &Outgoing| new_message(queue, outgoing, self.shared.encryption.as_ref());
        let new = messages.iter().map(of_engine).collect();
        let body = |outgoing: &Outgoing| match key {
            None => body::put(&outgoing.message, None),
            Some(key) => encrypted_body::put(queue, &outgoing.message, key),
        };
        let bodies = messages.iter().map(body).collect();
        let place = self.shared.place(queue)?;
        match self.shared.call(queue, place, Command::Send(new), bodies).await? {
            Reply::Sent(outcomes) => {
                let sent = messages.iter().zip(outcomes);
                Ok(sent.map(|(outgoing, outcome)| reported(queue, outgoing, outcome)).collect())
            }
            other => unreachable_reply(&other),
        }
    }

    /// Receives messages, waiting for the first. Dropping the future ends the wait.
    ///
    /// # Errors
    /// [`BrokerError::OverLimit`] for a short poll at the cap of messages in flight, [`BrokerError::AttemptOver`] for a
    /// receive that cannot be repeated, or a fault of the broker.
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
            attempt: options.attempt_id.as_deref().map(attempt),
        };
        #[cfg(feature = "sabotage")]
        let command = super::sabotage::poll(command).await;
        let place = self.shared.place(queue)?;
        let reply = self.shared.call(queue, place, command, Vec::new()).await?;
        if queue.attributes.redrive_policy.is_some() {
            // In a box of its own: a long poll should not have to make room for it.
            let is_repeatable = options.attempt_id.is_some();
            Box::pin(self.shared.settle_before_answer(queue, place, &reply, is_repeatable)).await;
        }
        match reply {
            Reply::Received(deliveries) => self.shared.read_bodies(queue, place, &deliveries),
            Reply::OverLimit => Err(BrokerError::OverLimit),
            Reply::AttemptOver => {
                Err(BrokerError::AttemptOver(options.attempt_id.unwrap_or_default()))
            }
            other => unreachable_reply(&other),
        }
    }

    /// Deletes messages. One that is gone already is fine. The outcomes are in the order of the receipts.
    ///
    /// # Errors
    /// A fault of the broker.
    pub async fn delete(
        &self,
        queue: &Queue,
        receipts: Vec<Receipt>,
    ) -> Result<Vec<DeleteOutcome>, BrokerError> {
        let mut outcomes = vec![DeleteOutcome::Gone; receipts.len()];
        for place in &queue.partitions {
            let of_place = receipts
                .iter()
                .enumerate()
                .filter(|(_, receipt)| receipt.partition == place.partition);
            let (indexes, handles): (Vec<_>, Vec<_>) =
                of_place.map(|(index, receipt)| (index, receipt.handle)).unzip();
            if handles.is_empty() {
                continue;
            }
            match self.shared.call(queue, *place, Command::Delete(handles), Vec::new()).await? {
                Reply::Deleted(found) => {
                    for (index, outcome) in indexes.into_iter().zip(found) {
                        outcomes[index] = outcome;
                    }
                }
                other => return unreachable_reply(&other),
            }
        }
        Ok(outcomes)
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
        #[cfg(feature = "sabotage")]
        if let Some(queues) = super::sabotage::purged_instead(&self.shared) {
            for queue in queues {
                for place in &queue.partitions {
                    self.shared.call(&queue, *place, Command::Purge, Vec::new()).await?;
                }
            }
            return Ok(());
        }
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
        #[cfg(feature = "sabotage")]
        if sum.visible > 5 && super::sabotage::has(super::sabotage::Defect::CountersWrong) {
            sum.visible += 1;
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
                let mut peeked = self.shared.read_bodies(queue, place, &deliveries)?;
                for received in &mut peeked {
                    received.receipt_handle.clear();
                }
                Ok(peeked)
            }
            other => unreachable_reply(&other),
        }
    }

    /// Whether the bodies of messages that are sent to a queue are encrypted.
    pub fn encrypts(&self, queue: &Queue) -> bool {
        self.shared.encryption.is_some() && encrypted_body::is_wanted(queue)
    }

    /// Whether the store can still be trusted.
    pub fn is_healthy(&self) -> bool {
        self.shared.health.is_good()
    }

    /// The health that everything over the same store shares.
    pub fn health(&self) -> Health {
        self.shared.health.clone()
    }

    /// What has been waiting for the disk for so long that requests are refused, if anything has.
    pub fn stall(&self, now: Instant) -> Option<Stall> {
        self.shared.health.stall(now)
    }

    /// Waits until the store cannot be trusted any more. One may wait at a time.
    pub async fn failed(&self) {
        self.shared.health.failed().await;
    }

    /// Measures queues for the metrics, as many as they show one by one.
    pub async fn metrics(&self) -> Measured {
        self.shared.metrics().await
    }

    /// Requests refused since the start because too many wait, by the bound that refused them.
    pub fn refusals(&self) -> Vec<(&'static str, u64)> {
        self.shared.refusals.counts().collect()
    }

    /// Answers every waiting receive now, and lets no new one wait.
    pub fn drain(&self) {
        self.shared.is_draining.store(true, Ordering::Release);
        for shard in &self.shared.shards {
            // A full mailbox means that the waits end by their own time; the drain has its own bound.
            drop(shard.mailbox.try_send(ShardRequest::StopWaiting));
        }
    }

    /// Ends every task and thread of the broker. What was accepted is decided and committed first; move tasks go on
    /// when the broker is started again.
    pub async fn shutdown(&self) {
        self.shared.running.halt_moves().await;
        drop(self.shared.take_jobs());
        self.shared.transfers.stop();
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

/// What a sender hears of a message. A duplicate is reported as the message that it repeats (contract §5.2).
fn reported(queue: &Queue, outgoing: &Outgoing, outcome: SendOutcome) -> SentMessage {
    let (id, sequence) = match outcome {
        SendOutcome::Accepted(sequence) => (outgoing.message.id, sequence),
        SendOutcome::Duplicate { sequence, message } => (Uuid::from_u128(message), sequence),
    };
    SentMessage { id, sequence_number: sequence_number(queue, sequence) }
}
