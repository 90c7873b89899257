//! Receives whose client goes away before it has the answer.
//!
//! A wait is withdrawn. Messages that were taken for nobody are visible again at once, instead of after their
//! visibility timeout.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use sluice_engine::{Command, Delivery, Handle, Reply, RequestId};
use tokio::sync::oneshot;

use super::calls::{ShardHandle, Shared};
use super::error::BrokerError;
use super::queue::{PartitionPlace, Queue};
use super::shard::{Settings, ShardRequest};
use super::start::Running;

type Answer = oneshot::Receiver<Result<Reply, BrokerError>>;

/// A receive that was given to its shard. Dropping it before its answer is there means that nobody wants it.
pub(super) struct OpenReceive<'a> {
    pub(super) running: &'a Running,
    pub(super) shard: &'a Arc<ShardHandle>,
    pub(super) place: PartitionPlace,
    pub(super) settings: Settings,
    pub(super) request: RequestId,
    pub(super) wait_ms: u64,
    /// Whether the client can ask for the same messages again, which must stay as they are for that.
    pub(super) is_repeatable: bool,
    /// Taken when it has been used.
    pub(super) answer: Option<Answer>,
}

impl OpenReceive<'_> {
    /// Waits for the answer. Cancel-safe.
    pub(super) async fn answer(
        &mut self,
    ) -> Result<Result<Reply, BrokerError>, oneshot::error::RecvError> {
        let Some(answer) = &mut self.answer else { return Ok(Err(BrokerError::Stopped)) };
        let answered = answer.await;
        self.answer = None;
        answered
    }
}

impl Drop for OpenReceive<'_> {
    fn drop(&mut self) {
        let Some(answer) = self.answer.take() else { return };
        let cancel = (self.wait_ms > 0).then_some(ShardRequest::Cancel {
            partition: self.place.partition,
            request: self.request,
        });
        // At once, so that nothing that comes later is given to it. Only what finds no room has to wait.
        let cancel = cancel.and_then(|cancel| self.shard.deliver_now(cancel).err());
        let shard = Arc::clone(self.shard);
        let (place, settings, request) = (self.place, self.settings, self.request);
        let is_repeatable = self.is_repeatable;
        self.running.lost_answer(async move {
            // A shard that has stopped drops the answer's sender.
            if let Some(cancel) = cancel
                && shard.deliver(cancel).await.is_err()
            {
                return;
            }
            if let Ok(Ok(Reply::Received(deliveries))) = answer.await
                && !is_repeatable
                && !deliveries.is_empty()
            {
                // If the shard has stopped, they are visible again after their visibility timeout.
                drop(give_back(&shard, place, settings, request, &deliveries).await);
            }
        });
    }
}

/// Messages of an answer that is not given yet. Dropping it means that nobody wants them.
struct Taken<'a> {
    shared: &'a Shared,
    shard: &'a Arc<ShardHandle>,
    place: PartitionPlace,
    settings: Settings,
    /// None as soon as the answer is given.
    deliveries: &'a [Delivery],
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if self.deliveries.is_empty() {
            return;
        }
        let (shard, deliveries) = (Arc::clone(self.shard), self.deliveries.to_vec());
        let (place, settings) = (self.place, self.settings);
        let request = RequestId(self.shared.next_request.fetch_add(1, Ordering::Relaxed));
        self.shared.running.lost_answer(async move {
            drop(give_back(&shard, place, settings, request, &deliveries).await);
        });
    }
}

impl Shared {
    /// Waits for what a receive sent away, as [`Self::settle_departures`] does. What it took for its client is still to be
    /// given back if that goes away meanwhile.
    pub(super) async fn settle_before_answer(
        &self,
        queue: &Queue,
        place: PartitionPlace,
        reply: &Reply,
        is_repeatable: bool,
    ) {
        let Ok(shard) = self.shard(place) else { return };
        let deliveries = match reply {
            Reply::Received(deliveries) if !is_repeatable => deliveries.as_slice(),
            _other => &[],
        };
        let settings = self.settings(queue);
        let mut taken = Taken { shared: self, shard, place, settings, deliveries };
        self.settle_departures(place).await;
        taken.deliveries = &[];
    }
}

/// Makes messages visible that were taken for nobody.
async fn give_back(
    shard: &ShardHandle,
    place: PartitionPlace,
    settings: Settings,
    answered: RequestId,
    deliveries: &[Delivery],
) -> Result<(), BrokerError> {
    let handle = |delivery: &Delivery| Handle {
        sequence: delivery.sequence,
        receive_count: delivery.receive_count,
        received_at_ms: delivery.received_at_ms,
    };
    let changes = deliveries.iter().map(|delivery| (handle(delivery), 0)).collect();
    // Nobody waits for the reply.
    let (reply, _answer) = oneshot::channel();
    shard
        .deliver(ShardRequest::Command {
            partition: place.partition,
            settings,
            request: answered,
            admitted: shard.admission.admit_anyway(place.partition, &[]),
            command: Command::ChangeVisibility(changes),
            bodies: Vec::new(),
            reply,
        })
        .await
}
