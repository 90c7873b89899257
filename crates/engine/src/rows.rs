//! The rows that make a partition durable, and the changes to them.
//!
//! | row | key | holds |
//! |---|---|---|
//! | partition | | last sequence number; size and beginning of each index; the noisy groups |
//! | group | group | where the group's log begins, how many entries it has, its place in the line |
//! | log | group, position | a message that waits to be received |
//! | due | due time, sequence | a message that is delayed |
//! | ready | place | a group that can be served and is not noisy; the line of groups |
//! | touched | sequence | a message that was received and not deleted, and is in no log |
//! | returned | sequence | where in the log a message is that was received, not deleted, and went back there |
//! | outbox | number | a message on its way to another queue |
//! | arrivals | sender | number of the last message that arrived from there |
//! | duplicate | deduplication key | FIFO: a send within the last five minutes |
//! | deadline | time, deduplication key | FIFO: when to forget it |
//! | body | sequence | the message itself; the engine only says when it goes |
//!
//! A message has a body row for as long as it exists, and exactly one of: a due row, a log row, an outbox row, a touched
//! row. Log rows without group that the cursor of a standard queue has passed are gone, whether or not they are still there.
//! A log row of a message that was received in this queue has a returned row beside it, so that an old receipt handle
//! still finds the message. There may be millions of these; of touched rows there are never many, and opening a partition
//! reads them all.

pub use crate::index::IndexRow;

use crate::Sequence;

/// Places from here on are those of noisy groups, after those of all others. No sequence number gets there. They have no
/// rows in the line: the partition row names the groups, and the group rows have the places.
pub const NOISY_PLACES: Sequence = Sequence(1 << 63);

/// A message group inside a partition; derived from `MessageGroupId` by the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u128);

impl GroupId {
    /// The group of messages that have none, on a standard queue.
    pub const NONE: Self = Self(0);
}

/// The one row with a partition's own numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionRow {
    /// Last sequence number or position assigned.
    pub last_sequence: Sequence,
    /// Number of log rows in all groups.
    pub log_count: u64,
    /// Standard: log rows of messages without group that the cursor has passed and that are still there.
    pub passed_rows: u64,
    /// The due index.
    pub due: IndexRow<DueKey>,
    /// The line of groups, which noisy ones are not part of.
    pub ready: IndexRow<Sequence>,
    /// The deadlines of deduplication.
    pub deadlines: IndexRow<DeadlineKey>,
    /// The messages on their way to another queue.
    pub outbox: IndexRow<Sequence>,
    /// Standard: the noisy groups, in order of their places. There are never many.
    pub noisy: Vec<GroupId>,
    /// Every touched row is at or after this sequence number, so that opening a partition does not scan over the messages
    /// it deleted.
    pub touched_cursor: Sequence,
}

impl Default for PartitionRow {
    fn default() -> Self {
        Self {
            last_sequence: Sequence::ZERO,
            log_count: 0,
            passed_rows: 0,
            due: IndexRow::default(),
            ready: IndexRow::default(),
            deadlines: IndexRow::default(),
            outbox: IndexRow::default(),
            noisy: Vec::new(),
            touched_cursor: Sequence::MAX,
        }
    }
}

/// The row of one group. A message group without log entries has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GroupRow {
    /// Every log row of the group is after this position: the read cursor.
    pub cursor: Sequence,
    /// Number of log rows.
    pub log_count: u64,
    /// Its place in the line of groups that can be served; [`GroupId::NONE`] never has one.
    pub ready: Option<Sequence>,
}

/// Order of the due index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct DueKey {
    /// Standard: when the message becomes visible. FIFO: when it was sent, as the delay may change. Epoch milliseconds.
    pub due_ms: u64,
    /// The message.
    pub sequence: Sequence,
}

/// Order in which deduplication forgets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct DeadlineKey {
    /// When the window ends, epoch milliseconds.
    pub deadline_ms: u64,
    /// The deduplication key.
    pub key: u128,
}

/// A send that later ones with the same deduplication key repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DuplicateRow {
    /// When the window ends, epoch milliseconds.
    pub deadline_ms: u64,
    /// Sequence number of the message.
    pub sequence: Sequence,
    /// The caller's name of the message, to be reported to whoever repeats it.
    pub message: u128,
}

/// One entry of a group's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogEntry {
    /// Place in the log; equals the message's sequence number unless it came to the log later.
    pub position: Sequence,
    /// The message.
    pub sequence: Sequence,
    /// What it went through.
    pub history: History,
}

impl LogEntry {
    /// The entry of a message that has not been received, at a place of its own.
    pub(crate) fn unreceived(sequence: Sequence, position: Sequence) -> Self {
        Self { position, sequence, history: History::sent_at(sequence.at_ms()) }
    }

    /// Whether there may be receipt handles of the message; then a returned row says where it is.
    #[must_use]
    pub fn is_returned(&self) -> bool {
        self.history.receives_here() > 0
    }
}

/// What a message went through before now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// Receives so far, in every queue that the message was in.
    pub receive_count: u32,
    /// Those of them that happened before the message came here as a dead letter.
    pub receives_elsewhere: u32,
    /// First receive, epoch milliseconds; zero when there was none.
    pub first_received_at_ms: u64,
    /// Retention counts from here, epoch milliseconds.
    pub enqueued_at_ms: u64,
}

impl History {
    /// A message that was sent and not received.
    #[must_use]
    pub fn sent_at(enqueued_at_ms: u64) -> Self {
        Self { receive_count: 0, receives_elsewhere: 0, first_received_at_ms: 0, enqueued_at_ms }
    }

    /// The same after one more receive.
    pub(crate) fn received_at(self, now_ms: u64) -> Self {
        let first_received_at_ms =
            if self.receive_count == 0 { now_ms } else { self.first_received_at_ms };
        Self { receive_count: self.receive_count + 1, first_received_at_ms, ..self }
    }

    /// Receives in this queue.
    pub(crate) fn receives_here(self) -> u32 {
        self.receive_count - self.receives_elsewhere
    }
}

/// A queue as the caller knows it; the engine passes it through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueAddress(pub u64);

/// Where a message goes that leaves its queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// To this dead-letter queue, after too many receives. It stays the same message.
    DeadLetters(QueueAddress),
    /// To this queue, moved by a task. It becomes a new message.
    Queue(QueueAddress),
    /// The same, to the queue that it came from as a dead letter.
    Source,
}

/// A message on its way to another queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Departure {
    /// The message.
    pub sequence: Sequence,
    /// Its group.
    pub group: GroupId,
    /// What it went through.
    pub history: History,
    /// Where it goes.
    pub to: Destination,
}

/// State of a message that was received and not deleted, and did not go back to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TouchedRow {
    /// The message's group.
    pub group: GroupId,
    /// What it went through.
    pub history: History,
    /// When it is visible again, epoch milliseconds.
    pub visible_at_ms: u64,
}

/// One change to the rows of a partition. Applying the same changes to rows and memory keeps them equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A log row is put, with a returned row if the message was received.
    Logged(GroupId, LogEntry),
    /// A log row is removed, and the returned row if there is one.
    Unlogged(GroupId, LogEntry),
    /// Standard, without message group: the same for the first entry of the log. The cursor has passed its row, which may
    /// stay until the log is trimmed.
    Passed(LogEntry),
    /// Standard, without message group: the log rows up to this position, which the cursor has passed, are removed.
    Trimmed(Sequence),
    /// A due row is put.
    Scheduled(GroupId, DueKey),
    /// A due row is removed.
    Unscheduled(DueKey),
    /// A group takes a place in the line.
    LinedUp(GroupId, Sequence),
    /// A group leaves its place in the line.
    LeftLine(GroupId, Sequence),
    /// A touched row is put.
    Touched(Sequence, TouchedRow),
    /// A touched row is removed.
    Untouched(Sequence),
    /// The body of a message that is nowhere any more is removed.
    Erased(Sequence),
    /// An outbox row is put.
    Departed(Sequence, Departure),
    /// An outbox row is removed; the message is in this queue again.
    Returned(Sequence),
    /// An outbox row and the body of its message are removed.
    Delivered(Sequence, Sequence),
    /// The arrivals row of a sender is put.
    Arrived(QueueAddress, Sequence),
    /// A duplicate row and its deadline are put.
    Remembered(u128, DuplicateRow),
    /// A duplicate row and its deadline are removed.
    Forgotten(DeadlineKey),
    /// Everything up to this sequence number is removed, in every table but the arrivals.
    Purged(Sequence),
}

/// What a partition is opened from.
#[derive(Debug, Clone, Default)]
pub struct Stored {
    /// The partition row; absent for a new partition.
    pub partition: PartitionRow,
    /// The group rows of [`GroupId::NONE`], of the noisy groups, and of the groups of the touched rows below.
    pub groups: Vec<(GroupId, GroupRow)>,
    /// The touched rows: what was in flight, or visible again.
    pub touched: Vec<(Sequence, TouchedRow)>,
}
