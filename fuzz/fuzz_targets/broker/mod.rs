//! The server's own sources, without the server around them.
#![allow(dead_code, reason = "the target uses a part of them")]

#[path = "../../../crates/server/src/broker/queue.rs"]
pub mod queue;
#[path = "../../../crates/server/src/broker/receipt.rs"]
pub mod receipt;
