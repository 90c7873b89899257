//! How a move task runs: batch after batch, until nothing is left, it fails, or it is halted.

use std::sync::Arc;
use std::time::Duration;

use sluice_store::SpaceLeft;
use tokio_util::sync::CancellationToken;

use super::pace::Pace;
use super::task::{MoveEnd, MoveFailure, MoveTask};
use crate::broker::calls::Shared;
use crate::broker::error::BrokerError;
use crate::broker::transfer::{RedriveFailure, Redriven};
use crate::clock::{self, Instant};

/// Time between two reports of progress, and so between two writes of it.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// Pause before a batch is tried again that the broker had no room for.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// What one batch came to.
enum Step {
    Moved(u64),
    /// The broker is too busy, or the disk is full.
    NoRoom,
    Ended {
        moved: u64,
        end: MoveEnd,
    },
}

/// Runs a task to its end. `halt` ends it earlier.
pub(in crate::broker) async fn run(shared: Arc<Shared>, task: MoveTask, halt: CancellationToken) {
    let mut moved = task.moved;
    let mut pace = Pace::new(task.per_second_max, clock::instant());
    let mut report_at = clock::instant() + REPORT_INTERVAL;
    let end = loop {
        if is_halted(&halt, pace.ready_at()).await {
            break MoveEnd::Halted;
        }
        let begun = clock::instant();
        match step(&shared, &task, pace.batch_max()).await {
            Step::Moved(count) => {
                moved += count;
                pace.spend(begun, count);
            }
            Step::NoRoom => {
                if is_halted(&halt, begun + RETRY_PAUSE).await {
                    break MoveEnd::Halted;
                }
            }
            Step::Ended { moved: count, end } => {
                moved += count;
                break end;
            }
        }
        if report_at <= clock::instant() {
            report_at = clock::instant() + REPORT_INTERVAL;
            match shared.report_move(&task, moved, None).await {
                Ok(reported) if reported.is_active() => {}
                // Its time is over, its source is gone, or the broker stops.
                Ok(_) | Err(_) => return,
            }
        }
    };
    // A broker that has stopped reads the task from disk when it starts again.
    drop(shared.report_move(&task, moved, Some(end)).await);
}

/// Waits until a moment, or until the task is halted.
async fn is_halted(halt: &CancellationToken, until: Instant) -> bool {
    if until <= clock::instant() {
        return halt.is_cancelled();
    }
    tokio::time::timeout_at(until, halt.cancelled()).await.is_ok()
}

/// Moves one batch. The queues are looked up each time: they may have been changed or deleted meanwhile.
async fn step(shared: &Shared, task: &MoveTask, count_max: usize) -> Step {
    if shared.store.space_left() == SpaceLeft::Low {
        return Step::NoRoom;
    }
    let ended = |moved, end| Step::Ended { moved, end };
    let queues = shared.published.get();
    let Some(source) = queues.get(&task.source) else {
        return ended(0, MoveEnd::Halted);
    };
    let destination = task.destination.as_ref().map(|key| queues.get(key));
    if destination == Some(None) {
        return ended(0, MoveEnd::Failed(MoveFailure::DestinationGone));
    }
    let destination = destination.flatten().map(|queue| &**queue);
    match shared.redrive(source, count_max, destination).await {
        Ok(Redriven { moved, failure: Some(failure), .. }) => {
            ended(moved, MoveEnd::Failed(failure.into()))
        }
        Ok(Redriven { moved, failure: None, is_all: true }) => ended(moved, MoveEnd::Completed),
        Ok(Redriven { moved, failure: None, is_all: false }) => Step::Moved(moved),
        // A queue that is gone is missed by the next look; the rest passes, or does not concern a move.
        Err(
            BrokerError::Busy
            | BrokerError::DiskFull
            | BrokerError::OverLimit
            | BrokerError::QueueGone
            | BrokerError::AttemptOver(_),
        ) => Step::NoRoom,
        Err(BrokerError::Stopped) => ended(0, MoveEnd::Halted),
        Err(error @ BrokerError::Unreadable(_)) => {
            tracing::error!("the move task of {} stops: {error}", task.source.arn());
            ended(0, MoveEnd::Failed(MoveFailure::Unreadable))
        }
    }
}

impl From<RedriveFailure> for MoveFailure {
    fn from(failure: RedriveFailure) -> Self {
        match failure {
            RedriveFailure::DestinationGone => Self::DestinationGone,
            RedriveFailure::SourceUnknown => Self::SourceUnknown,
        }
    }
}
