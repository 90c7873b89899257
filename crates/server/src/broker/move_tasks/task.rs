//! What a message move task is, and what can become of it.

use serde::{Deserialize, Serialize};

use crate::broker::error::BrokerError;
use crate::broker::queue::QueueKey;

/// Active tasks of one account (contract §7.2).
pub const MOVES_PER_ACCOUNT_MAX: usize = 100;
/// A task runs this long at most (contract §7.2).
const MOVE_MS_MAX: u64 = 36 * 60 * 60 * 1_000;
/// Tasks kept for each source: ten that ended, as many as one can list, and one that is active.
pub(in crate::broker) const TASKS_KEPT: usize = 11;

/// A message move task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveTask {
    /// A UUID.
    pub id: String,
    /// The dead-letter queue.
    pub source: QueueKey,
    /// Where the messages go; absent when each goes back to the queue it came from.
    pub destination: Option<QueueKey>,
    /// Messages per second at most; absent when the server decides.
    pub per_second_max: Option<u32>,
    /// What became of it.
    pub status: MoveStatus,
    /// Messages moved, about a second late.
    pub moved: u64,
    /// Visible messages of the source when the task started.
    pub to_move: u64,
    /// Start, epoch milliseconds.
    pub started_at_ms: u64,
}

impl MoveTask {
    /// Whether it still moves messages.
    pub fn is_active(&self) -> bool {
        match self.status {
            MoveStatus::Running | MoveStatus::Cancelling => true,
            MoveStatus::Completed | MoveStatus::Cancelled | MoveStatus::Failed(_) => false,
        }
    }
}

/// Status of a message move task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MoveStatus {
    /// Moves messages.
    Running,
    /// Nothing was left to move.
    Completed,
    /// Stops as soon as it can.
    Cancelling,
    /// Was stopped; what it had moved stays moved.
    Cancelled,
    /// Could not go on.
    Failed(MoveFailure),
}

impl MoveStatus {
    /// The status after a report of the running task.
    pub(in crate::broker) fn after(self, end: Option<MoveEnd>, age_ms: u64) -> Self {
        match (self, end) {
            (Self::Cancelling, Some(_)) => Self::Cancelled,
            (Self::Running, Some(MoveEnd::Completed)) => Self::Completed,
            (Self::Running, Some(MoveEnd::Failed(failure))) => Self::Failed(failure),
            (Self::Running, None) if age_ms >= MOVE_MS_MAX => Self::Failed(MoveFailure::TimedOut),
            (Self::Running, None | Some(MoveEnd::Halted))
            | (Self::Cancelling, None)
            | (Self::Completed | Self::Cancelled | Self::Failed(_), _) => self,
        }
    }
}

/// Why a message move task failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MoveFailure {
    /// The queue that a message has to go to does not exist any more.
    DestinationGone,
    /// A message does not say which queue it came from, and no destination was given.
    SourceUnknown,
    /// It ran for as long as a task may.
    TimedOut,
    /// A stored message cannot be read.
    Unreadable,
}

/// How the run of a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::broker) enum MoveEnd {
    /// Nothing is left to move.
    Completed,
    /// It cannot go on.
    Failed(MoveFailure),
    /// It was told to stop: by a cancellation, by the deletion of its source, or by a shutdown.
    Halted,
}

/// Why the broker did not do what a client asked about a move task.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoveError {
    /// The source has an active task.
    #[error("the source has an active move task")]
    SourceBusy,
    /// The account has as many active tasks as it may.
    #[error("the account has too many active move tasks")]
    TooManyActive,
    /// The source has no such task.
    #[error("there is no such move task")]
    NoSuchTask,
    /// The task ended, or is about to.
    #[error("the move task is not running")]
    NotRunning,
    /// A refusal or a fault of the broker.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_running_task_completes_or_fails() {
        let failed = MoveEnd::Failed(MoveFailure::DestinationGone);
        let after = |status: MoveStatus, end| status.after(end, 0);
        for (end, expected) in [
            (None, MoveStatus::Running),
            (Some(MoveEnd::Halted), MoveStatus::Running),
            (Some(MoveEnd::Completed), MoveStatus::Completed),
            (Some(failed), MoveStatus::Failed(MoveFailure::DestinationGone)),
        ] {
            assert_eq!(after(MoveStatus::Running, end), expected);
            let cancelled =
                if end.is_some() { MoveStatus::Cancelled } else { MoveStatus::Cancelling };
            assert_eq!(after(MoveStatus::Cancelling, end), cancelled);
            assert_eq!(after(MoveStatus::Completed, end), MoveStatus::Completed);
        }
    }

    #[test]
    fn a_task_ends_after_thirty_six_hours() {
        let timed_out = MoveStatus::Failed(MoveFailure::TimedOut);
        assert_eq!(MoveStatus::Running.after(None, 129_599_999), MoveStatus::Running);
        assert_eq!(MoveStatus::Running.after(None, 129_600_000), timed_out);
        let completed = Some(MoveEnd::Completed);
        assert_eq!(MoveStatus::Running.after(completed, 129_600_000), MoveStatus::Completed);
    }
}
