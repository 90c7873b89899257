//! Queues without HTTP and protocols before them: what broker, engine and store do by themselves. `sluice bench` measures it, to know
//! what share of it a request over HTTP reaches.
//!
//! Left out are the checks of a request and whatever an answer says. Messages are stored with their checksum, and answers wait
//! for the disk, as they do in a server.

use std::collections::BTreeMap;
use std::sync::Arc;

use md5::{Digest, Md5};
use sluice_store::Store;
use uuid::Uuid;

use crate::broker::{
    Broker, BrokerError, DeduplicationScope, DeleteOutcome, Derived, Entry, FifoThroughputLimit,
    Message, Outgoing, Queue, QueueAttributes, QueueChange, QueueKey, QueueKind, ReceiveOptions,
};
use crate::clock::{Clock, SteadyClock};
use crate::config::Config;
use crate::server;
use crate::start_error::StartError;

/// A broker over a store, without a server around them.
#[must_use = "it is stopped by closing it"]
pub struct InProcess {
    broker: Broker,
    store: Arc<dyn Store>,
    account: String,
    region: String,
}

/// A message without attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainMessage {
    /// The body.
    pub body: String,
    /// `MessageGroupId`.
    pub group_id: Option<String>,
    /// `MessageDeduplicationId`, FIFO only.
    pub deduplication_id: Option<String>,
}

impl InProcess {
    /// Opens the data directory of a configuration, new or not, with the settings that a server would have.
    ///
    /// # Errors
    /// [`StartError`], with nothing left running.
    pub async fn open(config: &Config) -> Result<Self, StartError> {
        let (store, _no_backup) = server::open_store(config).await?;
        let clock: Arc<dyn Clock> = Arc::new(SteadyClock::start());
        let started = async {
            let encryption = server::open_encryption(config, &store, &clock).await?;
            server::start_broker(config, &store, &clock, encryption).await
        };
        let broker = match started.await {
            Ok(broker) => broker,
            Err(error) => {
                server::close_store(store).await;
                return Err(error);
            }
        };
        let (account, region) = (config.account.clone(), config.region.clone());
        Ok(Self { broker, store, account, region })
    }

    /// Creates a queue with default attributes; one whose name ends in `.fifo` is a FIFO queue with high throughput.
    ///
    /// # Errors
    /// A fault of the broker.
    pub async fn create_queue(&self, name: &str) -> Result<InProcessQueue, BrokerError> {
        let key = self.key(name);
        let new = new_queue(key.clone());
        let put = move |_: Entry<'_>, now_ms| {
            let new = Queue { created_at_ms: now_ms, modified_at_ms: now_ms, ..new };
            Ok::<_, BrokerError>((QueueChange::Put(new), ()))
        };
        self.broker.change_queue(&key, put).await?;
        let queue = self.broker.queue(&key).ok_or(BrokerError::QueueGone)?;
        Ok(InProcessQueue { broker: self.broker.clone(), queue })
    }

    /// Deletes a queue.
    ///
    /// # Errors
    /// A fault of the broker.
    pub async fn delete_queue(&self, name: &str) -> Result<(), BrokerError> {
        let delete = |_: Entry<'_>, _| Ok::<_, BrokerError>((QueueChange::Delete, ()));
        self.broker.change_queue(&self.key(name), delete).await
    }

    /// Ends the broker and closes the store; says whether that worked. What was answered is durable either way.
    pub async fn close(self) -> bool {
        self.broker.shutdown().await;
        drop(self.broker);
        server::close_store(self.store).await
    }

    fn key(&self, name: &str) -> QueueKey {
        let (account, region) = (self.account.clone(), self.region.clone());
        QueueKey { account, region, name: name.to_owned() }
    }
}

fn new_queue(key: QueueKey) -> Queue {
    let (kind, attributes) = if key.name.ends_with(".fifo") {
        let attributes = QueueAttributes {
            deduplication_scope: DeduplicationScope::MessageGroup,
            fifo_throughput_limit: FifoThroughputLimit::PerMessageGroupId,
            ..QueueAttributes::default()
        };
        (QueueKind::Fifo, attributes)
    } else {
        (QueueKind::Standard, QueueAttributes::default())
    };
    Queue {
        key,
        kind,
        deduplicates_by: attributes.deduplication_scope,
        attributes,
        tags: BTreeMap::new(),
        created_at_ms: 0,
        modified_at_ms: 0,
        purged_at_ms: None,
        partitions: Vec::new(),
        derived: Derived::default(),
    }
}

/// A queue of an [`InProcess`]; cheap to clone.
#[derive(Clone)]
pub struct InProcessQueue {
    broker: Broker,
    queue: Arc<Queue>,
}

impl InProcessQueue {
    /// Sends messages, all or none.
    ///
    /// # Errors
    /// A fault of the broker.
    pub async fn send(
        &self,
        messages: impl Iterator<Item = PlainMessage>,
    ) -> Result<(), BrokerError> {
        let outgoing = messages.map(|message| self.outgoing(message)).collect();
        self.broker.send(&self.queue, outgoing).await.map(|_sent| ())
    }

    /// Receives up to so many messages: receipt handles and bodies.
    ///
    /// # Errors
    /// A fault of the broker.
    pub async fn receive(
        &self,
        count_max: u32,
        wait_secs: u32,
    ) -> Result<Vec<(String, String)>, BrokerError> {
        let options = ReceiveOptions {
            count_max,
            wait_secs,
            visibility_timeout_secs: self.queue.attributes.visibility_timeout_secs,
            attempt_id: None,
        };
        let received = self.broker.receive(&self.queue, options).await?;
        let both = received.into_iter().map(|one| (one.receipt_handle, one.message.body));
        Ok(both.collect())
    }

    /// Deletes messages by their receipt handles, and says how many of them were still there.
    ///
    /// # Errors
    /// A fault of the broker.
    pub async fn delete(
        &self,
        receipt_handles: impl Iterator<Item = &str>,
    ) -> Result<usize, BrokerError> {
        let receipts = receipt_handles
            .filter_map(|handle| self.broker.parse_receipt(&self.queue, handle).ok())
            .collect();
        let outcomes = self.broker.delete(&self.queue, receipts).await?;
        Ok(outcomes.iter().filter(|outcome| **outcome == DeleteOutcome::Deleted).count())
    }

    fn outgoing(&self, message: PlainMessage) -> Outgoing {
        let PlainMessage { body, group_id, deduplication_id } = message;
        let message = Message {
            id: Uuid::new_v4(),
            body_md5: Md5::digest(&body).into(),
            body,
            attributes: Vec::new(),
            sender_id: self.queue.key.account.clone(),
            trace_header: None,
            group_id,
            deduplication_id,
            source_arn: None,
            sent_at_ms: None,
        };
        Outgoing { message, delay_secs: self.queue.attributes.delay_secs }
    }
}
