//! Settings of a queue that change what the engine decides, and the bounds on what it keeps in memory.

/// The queue's attributes as far as the engine needs them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueConfig {
    /// `MessageRetentionPeriod`, milliseconds.
    pub retention_ms: u64,
    /// Messages in flight at once.
    pub in_flight_max: usize,
    /// From this many receives on, a message that becomes visible again goes to the back of the queue (contract §4.2).
    /// Absent where its order matters more.
    pub back_of_queue_receives: Option<u32>,
}

/// Bounds on the memory of one partition. Tests set them low to reach every path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Log entries of one group in the read-ahead window.
    pub window_max: usize,
    /// The window is filled again when it holds fewer entries than this. At least the messages of one receive.
    pub window_low: usize,
    /// Delayed messages in memory, those due first.
    pub due_max: usize,
    /// Messages that were received and are visible again; above this they go back to the log.
    pub returned_max: usize,
    /// Rows that one tick moves or expires, so that a command never waits long behind a tick.
    pub tick_rows_max: usize,
}

impl Limits {
    /// The bounds of a running server: about 1 MB for a busy partition apart from its messages in flight.
    pub const SERVER: Self = Self {
        window_max: 1_024,
        window_low: 64,
        due_max: 1_024,
        returned_max: 10_000,
        tick_rows_max: 1_000,
    };
}
