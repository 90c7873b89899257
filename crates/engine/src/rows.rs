//! The rows that make a partition durable, and the changes to them.
//!
//! | row | key | holds |
//! |---|---|---|
//! | partition | | last sequence number; size and beginning of each index |
//! | group | group | where the group's log begins, how many entries it has, its place in the line |
//! | log | group, position | a message that waits to be received |
//! | due | due time, sequence | a message that is delayed |
//! | ready | place | FIFO: a group that can be served; the line of groups |
//! | touched | sequence | a message that was received and not deleted |
//! | duplicate | deduplication key | FIFO: a send within the last five minutes |
//! | deadline | time, deduplication key | FIFO: when to forget it |
//! | body | sequence | the message itself; the engine only says when it goes |
//!
//! A message has a body row for as long as it exists, and exactly one of: a due row, a log row, a touched row
//! without position. A message that went back to the log keeps its touched row, which then carries the position,
//! so that an old receipt handle still finds it.

pub use crate::index::IndexRow;

use crate::Sequence;

/// A message group inside a partition; derived from `MessageGroupId` by the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u128);

impl GroupId {
    /// The one group of a queue without message groups.
    pub const NONE: Self = Self(0);
}

/// The one row with a partition's own numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionRow {
    /// Last sequence number or position assigned.
    pub last_sequence: Sequence,
    /// Number of log rows in all groups.
    pub log_count: u64,
    /// The due index.
    pub due: IndexRow<DueKey>,
    /// The line of groups.
    pub ready: IndexRow<Sequence>,
    /// The deadlines of deduplication.
    pub deadlines: IndexRow<DeadlineKey>,
    /// Every touched row without position is at or after this sequence number, so that opening a partition does not
    /// scan over the messages it deleted.
    pub touched_cursor: Sequence,
}

impl Default for PartitionRow {
    fn default() -> Self {
        Self {
            last_sequence: Sequence::ZERO,
            log_count: 0,
            due: IndexRow::default(),
            ready: IndexRow::default(),
            deadlines: IndexRow::default(),
            touched_cursor: Sequence::MAX,
        }
    }
}

/// The row of one group. A FIFO group without log entries has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GroupRow {
    /// Every log row of the group is after this position: the read cursor.
    pub cursor: Sequence,
    /// Number of log rows.
    pub log_count: u64,
    /// FIFO: its place in the line of groups that can be served.
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
    /// Receives so far: zero unless the message went back to the log.
    pub receive_count: u32,
    /// First receive, epoch milliseconds; zero when there was none.
    pub first_received_at_ms: u64,
}

/// State of a message that was received and not deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TouchedRow {
    /// The message's group.
    pub group: GroupId,
    /// Receives so far.
    pub receive_count: u32,
    /// First receive, epoch milliseconds.
    pub first_received_at_ms: u64,
    /// When it is visible again, epoch milliseconds.
    pub visible_at_ms: u64,
    /// Its place in the log if it went back there.
    pub position: Option<Sequence>,
}

/// One change to the rows of a partition. Applying the same changes to rows and memory keeps them equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A log row is put.
    Logged(GroupId, LogEntry),
    /// A log row is removed.
    Unlogged(GroupId, Sequence),
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
    /// The touched row, if any, and the body are removed.
    Erased(Sequence),
    /// A duplicate row and its deadline are put.
    Remembered(u128, DuplicateRow),
    /// A duplicate row and its deadline are removed.
    Forgotten(DeadlineKey),
    /// Everything up to this sequence number is removed, in every table.
    Purged(Sequence),
}

/// What a partition is opened from.
#[derive(Debug, Clone, Default)]
pub struct Stored {
    /// The partition row; absent for a new partition.
    pub partition: PartitionRow,
    /// The group rows of [`GroupId::NONE`] and of the groups of the touched rows below.
    pub groups: Vec<(GroupId, GroupRow)>,
    /// The touched rows without position: what was in flight or had returned.
    pub touched: Vec<(Sequence, TouchedRow)>,
}
