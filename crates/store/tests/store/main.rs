//! Both engines against one contract, and what only one of them can show.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail by panicking")]

mod backup;
mod conformance;
mod corruption;
mod data_dir;
mod directory;
mod erase;
mod faults;
mod model;
mod recovery;
