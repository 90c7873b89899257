//! Message move tasks: messages of a dead-letter queue go back to where they came from, or to another queue.
//!
//! The catalog keeps the tasks, and one task of the runtime runs each that is active. A task that is halted by a
//! shutdown or a crash goes on at the next start. In reading order: what a task is, what services call, how fast a
//! task goes, how it runs.

mod handle;
mod pace;
mod run;
mod task;

pub use task::{MOVES_PER_ACCOUNT_MAX, MoveError, MoveFailure, MoveStatus, MoveTask};

pub(super) use run::run;
pub(super) use task::{MoveEnd, TASKS_KEPT};
