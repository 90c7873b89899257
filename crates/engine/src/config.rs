//! Settings of a queue that change what the engine decides, and the bounds on what it keeps in memory.

use crate::QueueAddress;

/// The queue's attributes as far as the engine needs them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueConfig {
    /// `MessageRetentionPeriod`, milliseconds.
    pub retention_ms: u64,
    /// Messages in flight at once.
    pub in_flight_max: usize,
    /// A message may stay hidden this long after the receive that its handle comes from, milliseconds; 12 hours on SQS
    /// (contract §4.2).
    pub visibility_max_ms: u64,
    /// Where messages go that were received too often; absent while that queue does not exist.
    pub dead_letters: Option<DeadLetters>,
    /// What differs between the types of queues.
    pub policy: Policy,
}

/// The `RedrivePolicy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeadLetters {
    /// `maxReceiveCount`: a message that was received so often is not received again.
    pub receives_max: u32,
    /// `deadLetterTargetArn`
    pub queue: QueueAddress,
}

/// How the messages of a queue are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// The oldest visible message first; messages do not wait for each other.
    Standard {
        /// From this many receives on, a message that becomes visible again goes to the back of the queue (contract
        /// §4.2). Absent where its order matters more.
        back_of_queue_receives: Option<u32>,
    },
    /// Strict order within each message group; a group waits for its messages in flight (contract §5.1).
    Fifo {
        /// The queue's delay, milliseconds. It holds for messages that were sent before it changed, too.
        delay_ms: u64,
    },
}

/// Bounds on the memory of one partition. Tests set them low to reach every path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Log entries of one group in the read-ahead window.
    pub window_max: usize,
    /// The window is filled again when it holds fewer entries than this. At least the messages of one receive.
    pub window_low: usize,
    /// Log entries of all groups in memory before a group gets more than one without asking for them. Above it come only
    /// the windows of the groups ahead and one entry of each group with messages in flight.
    pub windows_max: usize,
    /// Entries of an ordered index in memory: delayed messages, groups that can be served, deduplication deadlines.
    pub index_max: usize,
    /// Groups at the head of the line whose windows are kept filled. A receive gets no messages from more groups than
    /// these at once; SQS allows ten messages.
    pub groups_ahead: usize,
    /// Messages that were received and are visible again; above this they go back to the log.
    pub returned_max: usize,
    /// Log rows of messages without group that the cursor has passed before they are removed, all together.
    pub passed_min: u64,
    /// Rows that one tick moves or expires, and messages that one command sends away as dead letters, so that a command
    /// never waits long behind another.
    pub tick_rows_max: usize,
}

impl Limits {
    /// The bounds of a running server: about 1 MB for a busy partition apart from its messages in flight.
    pub const SERVER: Self = Self {
        window_max: 1_024,
        window_low: 64,
        windows_max: 65_536,
        index_max: 1_024,
        groups_ahead: 16,
        returned_max: 10_000,
        passed_min: 1_024,
        tick_rows_max: 256,
    };
}
