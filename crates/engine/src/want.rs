//! Rows that a partition needs from disk before it can go on.

use crate::{
    DeadlineKey, Departure, DueKey, DuplicateRow, GroupId, GroupRow, LogEntry, QueueAddress,
    Sequence,
};

/// A request for rows. Everything decided so far must be visible to the read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// Log entries of a group after a position, in order.
    Log {
        /// The group.
        group: GroupId,
        /// Entries after this position.
        after: Sequence,
        /// Entries at most.
        limit: usize,
    },
    /// Due rows after a key, in order.
    Due {
        /// Rows after this key.
        after: DueKey,
        /// Rows at most.
        limit: usize,
    },
    /// Places in the line of groups after a place, in order, with the rows of the groups.
    Ready {
        /// Places after this one.
        after: Sequence,
        /// Places at most.
        limit: usize,
    },
    /// The row of one group.
    Group(GroupId),
    /// Deadlines of deduplication after a key, in order.
    Deadlines {
        /// Rows after this key.
        after: DeadlineKey,
        /// Rows at most.
        limit: usize,
    },
    /// Outbox rows after a number, in order.
    Outbox {
        /// Rows after this number.
        after: Sequence,
        /// Rows at most.
        limit: usize,
    },
}

/// The answer to a [`Want`]. Fewer rows than the limit means that there are no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// Answers [`Want::Log`].
    Log(GroupId, Vec<LogEntry>),
    /// Answers [`Want::Due`].
    Due(Vec<(GroupId, DueKey)>),
    /// Answers [`Want::Ready`].
    Ready(Vec<(Sequence, GroupId, GroupRow)>),
    /// Answers [`Want::Group`]; absent if the group has no messages.
    Group(GroupId, Option<GroupRow>),
    /// Answers [`Want::Deadlines`].
    Deadlines(Vec<DeadlineKey>),
    /// Answers [`Want::Outbox`].
    Outbox(Vec<(Sequence, Departure)>),
}

/// A single row that a command needs, if it exists. Asked for before each command that may name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// The log entry of a message that may be in the log again, by its returned row, and the row of its group.
    Returned(Sequence),
    /// The row of a group that may have messages.
    Group(GroupId),
    /// The row of a deduplication key. Needs no commit before: memory knows what is not committed.
    Duplicate(u128),
    /// The number of the last message that arrived from a sender. Needs no commit before either.
    Arrivals(QueueAddress),
}

/// The answer to a [`Lookup`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Answers [`Lookup::Returned`].
    Returned(GroupId, LogEntry),
    /// Answers [`Lookup::Group`].
    Group(GroupId, GroupRow),
    /// Answers [`Lookup::Duplicate`].
    Duplicate(u128, DuplicateRow),
    /// Answers [`Lookup::Arrivals`].
    Arrivals(QueueAddress, Sequence),
}
