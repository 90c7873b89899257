//! The in-memory engine: the same contract without a disk, with faults that tests decide.
//!
//! Nothing here runs by itself: there is no thread and no clock. A commit is synced when it is submitted,
//! unless syncs are held; then the test says when.

mod engine;
mod faults;
mod state;

pub use engine::MemoryStore;
pub use faults::{CrashTail, Faults};
