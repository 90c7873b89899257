//! What a queue does, as pure decisions: no I/O, no clock, no randomness, no async.
//!
//! A [`Partition`] takes a [`Command`] and a time, decides [`Change`]s to the stored rows, applies them to its own
//! memory and answers with [`Reply`]s. Whoever drives it makes the changes durable before it lets a reply out.
//! The backlog is not in memory: when the partition needs rows it says so ([`Want`]) and is given a page of them.
//! Message bodies never come here; a message is a [`Sequence`].
//!
//! Reading order: `sequence`, `rows`, `command`, `group`, `state`, `partition`, and then one file per behaviour.
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::panic, reason = "a failed test is meant to panic")
)]

mod attempt;
mod command;
mod config;
mod deduplication;
mod delay;
mod fair;
mod group;
mod index;
mod line;
mod long_poll;
mod outbox;
mod partition;
mod receive;
mod recent_keys;
mod retention;
mod rows;
mod sequence;
mod shares;
mod state;
mod visibility;
mod want;

pub use command::{
    Arrival, ArrivalKind, Command, Counters, Deduplication, DeleteOutcome, Delivery, Handle,
    NewMessage, Reply, RequestId, SendOutcome, VisibilityOutcome,
};
pub use config::{DeadLetters, Limits, Policy, QueueConfig};
pub use partition::{Output, Partition};
pub use rows::{
    Change, DeadlineKey, Departure, Destination, DueKey, DuplicateRow, GroupId, GroupRow, History,
    IndexRow, LogEntry, NOISY_PLACES, PartitionRow, QueueAddress, Stored, TouchedRow,
};
pub use sequence::Sequence;
pub use want::{Found, Lookup, Page, Want};
