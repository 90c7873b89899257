//! The rows that make a partition durable, and the changes to them.
//!
//! | row | key | holds |
//! |---|---|---|
//! | partition | | last sequence number, number of delayed messages, where the due index begins |
//! | group | group | where the group's log begins, how many entries it has |
//! | log | group, position | a message that waits to be received |
//! | due | due time, sequence | a message that is delayed |
//! | touched | sequence | a message that was received and not deleted |
//! | body | sequence | the message itself; the engine only says when it goes |
//!
//! A message has a body row for as long as it exists, and exactly one of: a due row, a log row, a touched row
//! without position. A message that went back to the log keeps its touched row, which then carries the position,
//! so that an old receipt handle still finds it.

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
    /// Number of due rows.
    pub due_count: u64,
    /// Every due row is after this key.
    pub due_cursor: DueKey,
    /// Every touched row without position is at or after this sequence number, so that opening a partition does not
    /// scan over the messages it deleted.
    pub touched_cursor: Sequence,
}

impl Default for PartitionRow {
    fn default() -> Self {
        Self {
            last_sequence: Sequence::ZERO,
            due_count: 0,
            due_cursor: DueKey::default(),
            touched_cursor: Sequence::MAX,
        }
    }
}

/// The row of one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GroupRow {
    /// Every log row of the group is after this position: the read cursor.
    pub cursor: Sequence,
    /// Number of log rows.
    pub log_count: u64,
}

/// Order of the due index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct DueKey {
    /// When the message becomes visible, epoch milliseconds.
    pub due_ms: u64,
    /// The message.
    pub sequence: Sequence,
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
    /// A log row is put at the end of a group's log.
    Logged(GroupId, LogEntry),
    /// A log row is removed.
    Unlogged(GroupId, Sequence),
    /// A due row is put.
    Scheduled(GroupId, DueKey),
    /// A due row is removed.
    Unscheduled(DueKey),
    /// A touched row is put.
    Touched(Sequence, TouchedRow),
    /// The touched row, if any, and the body are removed.
    Erased(Sequence),
    /// Everything up to this sequence number is removed, in every table.
    Purged(Sequence),
}

/// What a partition is opened from.
#[derive(Debug, Clone, Default)]
pub struct Stored {
    /// The partition row; absent for a new partition.
    pub partition: PartitionRow,
    /// The group rows.
    pub groups: Vec<(GroupId, GroupRow)>,
    /// The touched rows without position: what was in flight or had returned.
    pub touched: Vec<(Sequence, TouchedRow)>,
}
