//! A shard: the single writer of its partitions, on a thread of its own.
//!
//! It drains its mailbox, decides everything, commits once, and lets the replies out when that is durable. What arrives
//! until then is decided into the next commit, so commits grow with the load by themselves. A fault of the store stops it:
//! from then on it refuses everything and retries nothing.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use sluice_engine::{
    Change, Command, Counters, Limits, Lookup, Output, QueueConfig, Reply, RequestId, SendOutcome,
    Sequence,
};
use sluice_store::{Batch, CommitTicket, Reader, Shard, Space};
use tokio::sync::oneshot;

use super::admission::Admitted;
use super::catalog::Published;
use super::error::BrokerError;
use super::health::{Health, Watch};
use super::keys;
use super::partition::{self, ReadFault};
use super::partitions::Partitions;
use super::release::{Release, Releases};
use super::traffic::Traffic;
use super::transfer::Transfers;
use crate::clock::{self, Clock};

/// Commands decided into one commit at most.
const BATCH_COMMANDS_MAX: usize = 1_024;
/// Bytes in one commit, about, at most.
const BATCH_BYTES_MAX: usize = 8 << 20;
/// A clock that jumps is noticed within this time.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// Waits end at multiples of this, not before their time: thousands of long polls that begin at any time are then answered
/// some at a time, and the threads wake up for them a few times a second.
const WAIT_STEP_MS: u64 = 50;

/// Pages that one partition is given before others have their turn.
const PAGES_MAX: usize = 64;
/// Changes that time brings about in one turn, before the mailbox is looked at again, about.
const TICK_WORK_MAX: usize = 1_024;
/// Opening a partition counts as so many changes.
const OPENING_WORK: usize = 32;
/// Ticks in which a partition catches up with a clock that was set forward, at most.
const CATCH_UP_TICKS_MAX: usize = 1_000_000;

/// Where a reply goes.
pub(super) type ReplySender = oneshot::Sender<Result<Reply, BrokerError>>;

/// Counters and traffic by partition.
pub(super) type Numbers = Vec<(u64, Counters, Traffic)>;

/// A queue's settings; a request with older ones does not change newer ones.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    pub(super) config: QueueConfig,
    pub(super) version: u64,
}

/// What a shard can be asked.
#[allow(clippy::large_enum_variant, reason = "almost every request is the largest, a command")]
pub(super) enum ShardRequest {
    /// A command to a partition.
    Command {
        partition: u64,
        settings: Settings,
        request: RequestId,
        /// Its place in the mailbox.
        admitted: Admitted,
        command: Command,
        /// Body rows of a send, in order.
        bodies: Vec<Vec<u8>>,
        reply: ReplySender,
    },
    /// The client of a waiting receive went away.
    Cancel { partition: u64, request: RequestId },
    /// The time for which a receive may wait is over in real time.
    EndWait { partition: u64, request: RequestId },
    /// The clock was set forward: answered when everything that is due then has happened.
    CatchUp { reply: ReplySender },
    /// Removes a partition with everything in it.
    Drop { partition: u64, reply: ReplySender },
    /// Asks for the counters and the traffic of partitions.
    Measure { partitions: Vec<(u64, Settings)>, reply: oneshot::Sender<Numbers> },
    /// Earlier replies are out.
    Released,
    /// Answers waiting receives, and from now on every receive, without waiting.
    StopWaiting,
    /// Ends the thread.
    Stop,
}

/// What the thread does next.
#[derive(PartialEq, Eq)]
enum Flow {
    Continue,
    Stop,
}

/// The state of a shard's thread.
pub(super) struct ShardThread {
    shard: Box<dyn Shard>,
    reader: Arc<dyn Reader>,
    clock: Arc<dyn Clock>,
    health: Health,
    watch: Watch,
    transfers: Arc<Transfers>,
    partitions: Partitions,
    published: Published,
    /// Requests that are not decided yet: waiting receives.
    waiting: HashMap<RequestId, (u64, ReplySender)>,
    batch: Batch,
    /// The last commit that is not known to be durable; it stands for those before it.
    ticket: Option<CommitTicket>,
    /// Replies that wait until this turn's commits are durable.
    replies: Vec<(ReplySender, Reply)>,
    releases: Releases,
    changed: BTreeSet<u64>,
    is_draining: bool,
}

impl ShardThread {
    pub(super) fn new(
        shard: Box<dyn Shard>,
        clock: Arc<dyn Clock>,
        health: Health,
        watch: Watch,
        published: Published,
        transfers: Arc<Transfers>,
        releases: Releases,
    ) -> Self {
        let reader = shard.reader();
        Self {
            shard,
            reader,
            clock,
            health,
            watch,
            transfers,
            partitions: Partitions::default(),
            published,
            waiting: HashMap::new(),
            batch: Batch::new(),
            ticket: None,
            replies: Vec::new(),
            releases,
            changed: BTreeSet::new(),
            is_draining: false,
        }
    }

    /// Runs until it is told to stop or every sender is gone.
    pub(super) fn run(mut self, mailbox: &Receiver<ShardRequest>) {
        while let Some(first) = self.next(mailbox) {
            self.watch.begin();
            let flow = self.turn(first, mailbox);
            self.watch.end();
            if flow == Flow::Stop {
                break;
            }
        }
        self.flush();
        self.release(0);
    }

    /// Waits for a request or the next wake-up: `Some(None)` is a wake-up, `None` the end.
    fn next(&self, mailbox: &Receiver<ShardRequest>) -> Option<Option<ShardRequest>> {
        let Some(wake_ms) = self.partitions.next_wake_ms() else {
            return mailbox.recv().ok().map(Some);
        };
        let sleep =
            Duration::from_millis(wake_ms.saturating_sub(self.clock.now_ms())).min(SLEEP_MAX);
        match mailbox.recv_timeout(sleep) {
            Ok(request) => Some(Some(request)),
            Err(RecvTimeoutError::Timeout) => Some(None),
            Err(RecvTimeoutError::Disconnected) => None,
        }
    }

    /// Decides everything that is there and commits it.
    fn turn(&mut self, first: Option<ShardRequest>, mailbox: &Receiver<ShardRequest>) -> Flow {
        let mut now_ms = self.start_turn();
        let mut next = first;
        let mut commands = 0;
        while let Some(request) = next {
            if matches!(request, ShardRequest::CatchUp { .. }) {
                now_ms = self.start_turn();
            }
            if self.handle(now_ms, request) == Flow::Stop {
                return Flow::Stop;
            }
            commands += 1;
            // What is taken out of the mailbox must be handled, so this comes before the next one.
            if commands == BATCH_COMMANDS_MAX || self.batch.bytes() >= BATCH_BYTES_MAX {
                break;
            }
            next = mailbox.try_recv().ok();
            // A commit now would only wait for the disk behind the one before.
            if next.is_none() && self.releases.awaits() {
                next = mailbox.recv().ok();
                now_ms = self.start_turn();
            }
        }
        if let Err(fault) = self.tick(now_ms) {
            self.fail(&fault);
        }
        self.flush();
        // What nobody waits for is durable with the next reply, or as soon as nothing is left to do.
        if !self.replies.is_empty() || !self.partitions.is_any_due() {
            self.release(commands);
        }
        self.partitions.close_idle();
        Flow::Continue
    }

    /// Looks at the clock.
    fn start_turn(&mut self) -> u64 {
        let now_ms = self.clock.now_ms();
        self.partitions.start_turn(now_ms);
        now_ms
    }

    fn handle(&mut self, now_ms: u64, request: ShardRequest) -> Flow {
        let outcome = match request {
            ShardRequest::Stop => return Flow::Stop,
            ShardRequest::Command {
                partition,
                settings,
                request,
                admitted,
                command,
                bodies,
                reply,
            } => {
                let late = admitted.in_time(clock::instant()).err();
                if let Some(refusal) = self.refusal(partition).or(late) {
                    // The client may be gone; nobody else wants the answer.
                    drop(reply.send(Err(refusal)));
                    return Flow::Continue;
                }
                self.waiting.insert(request, (partition, reply));
                self.command(now_ms, partition, settings, request, command, bodies)
            }
            ShardRequest::Cancel { partition, request } => {
                self.waiting.remove(&request);
                self.submit(now_ms, partition, request, Command::Cancel, Vec::new());
                self.supply(now_ms, partition)
            }
            ShardRequest::EndWait { partition, request } => {
                self.end_wait(now_ms, partition, request)
            }
            ShardRequest::CatchUp { reply } => self.catch_up(now_ms, reply),
            ShardRequest::Drop { partition, reply } => {
                self.drop_partition(partition, reply);
                Ok(())
            }
            ShardRequest::Measure { partitions, reply } => self.measure(now_ms, &partitions, reply),
            ShardRequest::Released => Ok(()),
            ShardRequest::StopWaiting => {
                self.is_draining = true;
                for partition in self.partitions.open_ids() {
                    self.submit(now_ms, partition, NOBODY, Command::StopWaiting, Vec::new());
                }
                Ok(())
            }
        };
        if let Err(fault) = outcome {
            self.fail(&fault);
        }
        Flow::Continue
    }

    /// Why a command to this partition is refused before it is looked at.
    fn refusal(&self, partition: u64) -> Option<BrokerError> {
        if !self.health.is_good() {
            return Some(BrokerError::Stopped);
        }
        // What is left in the mailbox after a queue was deleted must not bring it back.
        let exists =
            self.partitions.is_known(partition) || self.published.get().has_partition(partition);
        (!exists).then_some(BrokerError::QueueGone)
    }

    fn command(
        &mut self,
        now_ms: u64,
        id: u64,
        settings: Settings,
        request: RequestId,
        command: Command,
        bodies: Vec<Vec<u8>>,
    ) -> Result<(), ReadFault> {
        self.open(now_ms, id, settings)?;
        self.partitions.used(id);
        self.supply(now_ms, id)?;
        self.look_up(id, &command)?;
        let command = match command {
            Command::Receive { count_max, wait_ms, visibility_ms, attempt } => {
                let wait_ms = self.wait_ms(now_ms, wait_ms);
                Command::Receive { count_max, wait_ms, visibility_ms, attempt }
            }
            other => other,
        };
        self.submit(now_ms, id, request, command, bodies);
        self.supply(now_ms, id)
    }

    /// How long a receive is to wait that may wait for so long. Time that is set from outside is kept to exactly.
    fn wait_ms(&self, now_ms: u64, asked_ms: u64) -> u64 {
        if self.is_draining || asked_ms == 0 {
            0
        } else if self.clock.is_virtual() {
            asked_ms
        } else {
            (now_ms + asked_ms).next_multiple_of(WAIT_STEP_MS) - now_ms
        }
    }

    /// Opens a partition if it is not, and brings newer settings to it.
    fn open(&mut self, now_ms: u64, id: u64, settings: Settings) -> Result<(), ReadFault> {
        if self.partitions.get(id).is_none() {
            let engine =
                partition::open(&*self.reader, id, settings.config, Limits::SERVER, now_ms)?;
            self.partitions.insert(id, engine, settings);
        }
        if let Some(open) = self.partitions.get_mut(id)
            && open.settings.version < settings.version
        {
            open.settings = settings;
            self.submit(now_ms, id, NOBODY, Command::Configure(settings.config), Vec::new());
        }
        Ok(())
    }

    /// Gives a partition the rows that it wants. What was decided so far is committed first, so that the read sees it.
    fn supply(&mut self, now_ms: u64, id: u64) -> Result<(), ReadFault> {
        for _ in 0..PAGES_MAX {
            let Some(open) = self.partitions.get(id) else { return Ok(()) };
            let Some(want) = open.engine.wants() else {
                if open.is_hungry() {
                    self.partitions.sate(id);
                }
                return Ok(());
            };
            self.flush();
            let page = partition::read_page(&*self.reader, id, want)?;
            let mut out = Output::default();
            if let Some(open) = self.partitions.get_mut(id) {
                open.engine.supply(now_ms, page, &mut out);
            }
            self.absorb(id, None, out, Vec::new());
        }
        // Others have their turn before the rest is read.
        self.partitions.starve(id);
        Ok(())
    }

    /// Reads the rows that a command needs and memory does not hold.
    fn look_up(&mut self, id: u64, command: &Command) -> Result<(), ReadFault> {
        let lookups =
            self.partitions.get(id).map_or_else(Vec::new, |open| open.engine.lookups(command));
        if lookups.iter().any(|lookup| matches!(lookup, Lookup::Returned(_))) {
            self.flush();
        }
        for lookup in lookups {
            for found in partition::look_up(&*self.reader, id, lookup)? {
                if let Some(open) = self.partitions.get_mut(id) {
                    open.engine.lend(found);
                    self.changed.insert(id);
                }
            }
        }
        Ok(())
    }

    fn submit(
        &mut self,
        now_ms: u64,
        id: u64,
        request: RequestId,
        command: Command,
        bodies: Vec<Vec<u8>>,
    ) {
        let mut out = Output::default();
        if let Some(open) = self.partitions.get_mut(id) {
            open.engine.submit(now_ms, request, command, &mut out);
        }
        self.absorb(id, Some(request), out, bodies);
    }

    /// Takes what the engine decided into the pending batch.
    fn absorb(&mut self, id: u64, request: Option<RequestId>, out: Output, bodies: Vec<Vec<u8>>) {
        let Some(open) = self.partitions.get_mut(id) else { return };
        if !out.changes.is_empty() {
            self.changed.insert(id);
        }
        // Before the changes: what has expired on arrival is removed again by one of them.
        let mut bodies = bodies.into_iter();
        for (_, reply) in out.replies.iter().filter(|(to, _)| request == Some(*to)) {
            for (sequence, body) in new_messages(reply).into_iter().zip(bodies.by_ref()) {
                if let Some(sequence) = sequence {
                    self.batch.put(Space::Bodies, keys::body(id, sequence), body);
                }
            }
        }
        for change in &out.changes {
            #[cfg(feature = "sabotage")]
            let Some(change) = &super::sabotage::stored(*change) else { continue };
            partition::write_change(&mut self.batch, id, change);
            if let Change::Departed(number, _) = change {
                self.transfers.departed(id, number.0);
            }
        }
        for (to, reply) in out.replies {
            open.traffic.count(&reply);
            if let Some((_, sender)) = self.waiting.remove(&to) {
                self.replies.push((sender, reply));
            }
        }
        self.partitions.settle(id);
    }

    /// Wakes partitions whose time has come, as many as may hold up the next requests.
    fn tick(&mut self, now_ms: u64) -> Result<(), ReadFault> {
        if !self.partitions.is_any_due() {
            return Ok(());
        }
        let mut work_left = TICK_WORK_MAX;
        for id in self.partitions.due(TICK_WORK_MAX) {
            if work_left == 0 {
                break;
            }
            if let Some(settings) = self.partitions.closed_settings(id) {
                self.open(now_ms, id, settings)?;
                work_left = work_left.saturating_sub(OPENING_WORK);
            }
            let mut out = Output::default();
            if let Some(open) = self.partitions.get_mut(id) {
                open.engine.tick(now_ms, &mut out);
            }
            work_left = work_left.saturating_sub(1 + out.changes.len());
            self.absorb(id, None, out, Vec::new());
            self.supply(now_ms, id)?;
        }
        Ok(())
    }

    /// Ticks until nothing is due. What the ticks decided is durable when the reply goes out.
    fn catch_up(&mut self, now_ms: u64, reply: ReplySender) -> Result<(), ReadFault> {
        let mut ticks_left = CATCH_UP_TICKS_MAX;
        while ticks_left > 0 && self.partitions.is_any_due() {
            ticks_left -= 1;
            self.tick(now_ms)?;
            if self.batch.bytes() >= BATCH_BYTES_MAX {
                self.flush();
            }
        }
        self.replies.push((reply, Reply::Purged));
        Ok(())
    }

    /// Answers a receive that still waits. One that was answered meanwhile keeps its answer.
    fn end_wait(
        &mut self,
        now_ms: u64,
        partition: u64,
        request: RequestId,
    ) -> Result<(), ReadFault> {
        if let Some((_, reply)) = self.waiting.remove(&request) {
            self.submit(now_ms, partition, request, Command::Cancel, Vec::new());
            self.replies.push((reply, Reply::Received(Vec::new())));
        }
        self.supply(now_ms, partition)
    }

    fn measure(
        &mut self,
        now_ms: u64,
        partitions: &[(u64, Settings)],
        reply: oneshot::Sender<Numbers>,
    ) -> Result<(), ReadFault> {
        let mut measured = Vec::with_capacity(partitions.len());
        for (id, settings) in partitions {
            if self.refusal(*id).is_some() {
                continue;
            }
            if !self.partitions.is_known(*id) {
                self.open(now_ms, *id, *settings)?;
                self.supply(now_ms, *id)?;
            }
            let found = self.partitions.measured(*id);
            measured.extend(found.map(|(counters, traffic)| (*id, counters, traffic)));
        }
        // Nobody waits for it any more if this fails.
        drop(reply.send(measured));
        Ok(())
    }

    fn drop_partition(&mut self, id: u64, reply: ReplySender) {
        self.partitions.remove(id);
        self.changed.remove(&id);
        keys::drop_partition(&mut self.batch, id);
        for (_, (_, waiting)) in self.waiting.extract_if(|_, (partition, _)| *partition == id) {
            // The client may be gone; nobody else wants the answer.
            drop(waiting.send(Err(BrokerError::QueueGone)));
        }
        self.replies.push((reply, Reply::Purged));
    }

    /// Commits the pending batch.
    fn flush(&mut self) {
        for id in std::mem::take(&mut self.changed) {
            if let Some(open) = self.partitions.get_mut(id) {
                let (row, groups) = open.engine.take_dirty();
                partition::write_numbers(&mut self.batch, id, row, &groups);
            }
        }
        #[cfg(feature = "sabotage")]
        super::sabotage::reply_early(&mut self.replies);
        if !self.batch.is_empty() {
            self.ticket = Some(self.shard.commit(std::mem::take(&mut self.batch)));
        }
    }

    /// Lets the replies out when everything that was committed is durable. A single one is not worth another thread.
    fn release(&mut self, commands: usize) {
        let (ticket, replies) = (self.ticket.take(), std::mem::take(&mut self.replies));
        let release = Release { ticket, replies };
        if self.releases.is_open() || (commands > 1 && release.ticket.is_some()) {
            if !release.is_empty() {
                self.releases.hand_over(release);
            }
        } else {
            release.carry_out(&self.health);
        }
    }

    /// Stops the shard: its memory and the store may differ now.
    fn fail(&mut self, fault: &ReadFault) {
        self.health.fail(fault);
        self.batch = Batch::new();
        self.replies.clear();
        self.changed.clear();
        self.partitions.clear();
        for (_, (_, waiting)) in self.waiting.drain() {
            // The client may be gone; nobody else wants the answer.
            drop(waiting.send(Err(BrokerError::Stopped)));
        }
    }
}

/// A bug that ends the thread must not look like a healthy server.
impl Drop for ShardThread {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.health.fail(&ShardPanicked);
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a shard's thread panicked")]
struct ShardPanicked;

/// Which of the messages that came with bodies are new.
fn new_messages(reply: &Reply) -> Vec<Option<Sequence>> {
    match reply {
        Reply::Sent(sent) => {
            let accepted = sent.iter().map(|outcome| match outcome {
                SendOutcome::Accepted(sequence) => Some(*sequence),
                SendOutcome::Duplicate { .. } => None,
            });
            accepted.collect()
        }
        Reply::Arrived(arrived) => arrived.clone(),
        Reply::Received(_)
        | Reply::OverLimit
        | Reply::AttemptOver
        | Reply::Deleted(_)
        | Reply::VisibilityChanged(_)
        | Reply::Departed { .. }
        | Reply::Outbox(_)
        | Reply::OutboxChanged
        | Reply::Purged
        | Reply::Counted(_)
        | Reply::Peeked(_) => Vec::new(),
    }
}

/// The request of commands that are not answered.
const NOBODY: RequestId = RequestId(0);

#[cfg(test)]
mod tests;
