//! What a partition can be asked, and what it answers.

use crate::{Departure, Destination, GroupId, History, QueueAddress, QueueConfig, Sequence};

/// Ties a reply to its command; assigned by the caller, unique among open requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// A message to send, without its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewMessage {
    /// Its group.
    pub group: GroupId,
    /// Delay, milliseconds. A FIFO queue has its own delay instead.
    pub delay_ms: u64,
    /// FIFO: what makes later sends its duplicates.
    pub deduplication: Option<Deduplication>,
}

/// Deduplication of one send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deduplication {
    /// Equal keys are duplicates; derived by the caller from the deduplication id and its scope.
    pub key: u128,
    /// The caller's name of this message, to be reported to whoever repeats it.
    pub message: u128,
}

/// A message that comes from another queue, without its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Its number in the sender's outbox; numbers of one sender rise.
    pub number: Sequence,
    /// Its group.
    pub group: GroupId,
    /// What it comes as.
    pub kind: ArrivalKind,
}

/// What a message comes as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArrivalKind {
    /// As a dead letter: the same message, with what it went through.
    DeadLetter(History),
    /// As a new message, moved by a task.
    New {
        /// Delay, milliseconds. A FIFO queue has its own delay instead.
        delay_ms: u64,
    },
}

/// What became of one send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendOutcome {
    /// It is a new message.
    Accepted(Sequence),
    /// It repeats an earlier one, which is named as its sender named it.
    Duplicate {
        /// Sequence number of the earlier message.
        sequence: Sequence,
        /// Its name.
        message: u128,
    },
}

/// What became of one delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeleteOutcome {
    /// The message is deleted.
    Deleted,
    /// It did not exist any more.
    Gone,
    /// FIFO: the visibility timeout of the handle's receive has ended.
    Expired,
}

/// What a receipt handle says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handle {
    /// The message.
    pub sequence: Sequence,
    /// Which receive gave it out.
    pub receive_count: u32,
    /// When that was, epoch milliseconds.
    pub received_at_ms: u64,
}

/// A command to a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Adds messages, in order. Answered by [`Reply::Sent`].
    Send(Vec<NewMessage>),
    /// Takes up to `count_max` messages, waiting for the first. Answered by [`Reply::Received`].
    Receive {
        /// Messages at most.
        count_max: usize,
        /// How long to wait for a message, milliseconds; zero answers at once.
        wait_ms: u64,
        /// How long the messages stay hidden, milliseconds.
        visibility_ms: u64,
        /// FIFO: names this receive, so that its repetition gets the same messages (contract §5.6).
        attempt: Option<u128>,
    },
    /// Removes messages. Answered by [`Reply::Deleted`].
    Delete(Vec<Handle>),
    /// Sets how long messages stay hidden from now, milliseconds each. Answered by [`Reply::VisibilityChanged`].
    ChangeVisibility(Vec<(Handle, u64)>),
    /// Puts up to `count_max` visible messages into the outbox. Answered by [`Reply::Departed`].
    Depart {
        /// Messages at most.
        count_max: usize,
        /// Where they go.
        to: Destination,
    },
    /// Asks for the first messages in the outbox. Answered by [`Reply::Outbox`].
    ReadOutbox(usize),
    /// Removes messages from the outbox, which arrived where they were to go. Answered by [`Reply::OutboxChanged`].
    Delivered(Vec<Sequence>),
    /// Puts messages from the outbox back to where they were. Answered by [`Reply::OutboxChanged`].
    Return(Vec<Sequence>),
    /// Adds messages from the outbox of another partition, in order, those that did not arrive before. Answered by
    /// [`Reply::Arrived`].
    Arrive {
        /// The sender, by a number that no other has.
        from: QueueAddress,
        /// The messages.
        arrivals: Vec<Arrival>,
    },
    /// Removes everything. Answered by [`Reply::Purged`].
    Purge,
    /// Asks for the counters. Answered by [`Reply::Counted`].
    Count,
    /// Looks at the next messages without receiving them. Answered by [`Reply::Peeked`].
    Peek(usize),
    /// Changes settings. Not answered.
    Configure(QueueConfig),
    /// Forgets a waiting receive. Not answered.
    Cancel,
    /// Answers every waiting receive now, empty. Not answered itself.
    StopWaiting,
}

/// One received message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// The message.
    pub sequence: Sequence,
    /// Receives so far, this one included.
    pub receive_count: u32,
    /// First receive, epoch milliseconds.
    pub first_received_at_ms: u64,
    /// This receive, epoch milliseconds.
    pub received_at_ms: u64,
}

/// Outcome of one visibility change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VisibilityOutcome {
    /// Done.
    Changed,
    /// The message does not exist any more.
    Gone,
    /// The total since the receive would exceed 12 hours.
    BeyondLimit,
    /// FIFO: the visibility timeout of the handle's receive has ended.
    Expired,
}

/// Exact numbers of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Waiting to be received.
    pub visible: u64,
    /// Received, hidden.
    pub in_flight: u64,
    /// Sent, not due yet.
    pub delayed: u64,
    /// When the oldest known message was sent, epoch milliseconds.
    pub oldest_sent_at_ms: Option<u64>,
    /// Standard: noisy message groups.
    pub noisy_groups: u64,
    /// Of the visible ones, those not in noisy groups.
    pub visible_in_quiet_groups: u64,
    /// Of those in flight, those not in noisy groups.
    pub in_flight_in_quiet_groups: u64,
    /// When the oldest known message not in a noisy group was sent, epoch milliseconds.
    pub oldest_sent_at_ms_in_quiet_groups: Option<u64>,
}

/// Answer to a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// What became of each message, in order.
    Sent(Vec<SendOutcome>),
    /// Received messages; none when the wait ended.
    Received(Vec<Delivery>),
    /// Too many messages are in flight for a short poll.
    OverLimit,
    /// The attempt cannot be repeated: its messages are no longer as it left them.
    AttemptOver,
    /// What became of each delete.
    Deleted(Vec<DeleteOutcome>),
    /// Outcome of each change.
    VisibilityChanged(Vec<VisibilityOutcome>),
    /// Messages were put into the outbox.
    Departed {
        /// How many.
        count: usize,
        /// Whether every message that could leave was looked at.
        is_all: bool,
    },
    /// The first messages in the outbox, with their numbers.
    Outbox(Vec<(Sequence, Departure)>),
    /// Done, as far as they were in the outbox.
    OutboxChanged,
    /// The sequence number of each message; none if it had arrived before.
    Arrived(Vec<Option<Sequence>>),
    /// Everything is gone.
    Purged,
    /// Counters.
    Counted(Counters),
    /// The next messages, as they stand.
    Peeked(Vec<Delivery>),
}
