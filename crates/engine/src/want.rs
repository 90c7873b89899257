//! Rows that a partition needs from disk before it can go on.

use crate::{DueKey, GroupId, LogEntry, Sequence};

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
}

/// The answer to a [`Want`]. Fewer rows than the limit means that there are no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// Answers [`Want::Log`].
    Log(GroupId, Vec<LogEntry>),
    /// Answers [`Want::Due`].
    Due(Vec<(GroupId, DueKey)>),
}
