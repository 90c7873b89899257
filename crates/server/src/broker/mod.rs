//! The broker: queues by name, and their messages, wherever their partitions live.
//!
//! Nothing outside this module knows of shards or partitions. In reading order: what a queue and a message are, the
//! handle in front of everything, the catalog of queues, the shards that own partitions, and their rows.

mod admission;
mod body;
mod calls;
mod catalog;
mod check;
mod encrypted_body;
mod error;
mod handle;
mod health;
mod keys;
mod locked;
mod lost_answer;
mod measure;
mod message;
mod message_group;
mod move_tasks;
mod partition;
mod partitions;
mod queue;
mod rare_writer;
mod receipt;
mod release;
mod rows;
#[cfg(feature = "sabotage")]
mod sabotage;
mod shard;
mod sizes;
mod start;
mod traffic;
mod transfer;

#[cfg(test)]
pub(crate) mod testing;

pub use catalog::{CatalogError, Entry, QueueChange};
pub(crate) use check::check_rows;
pub use check::{Checked, Finding, Severity};
pub(crate) use encrypted_body::content_deduplication_id;
pub use error::BrokerError;
pub use handle::{Broker, RECEIVE_COUNT_MAX, ReceiveOptions, SentMessage};
pub use health::{Health, Stall};
pub use measure::{Measured, QueueMetrics};
pub use message::{AttributeValue, Message, MessageAttribute, Outgoing, Received};
pub use move_tasks::{MOVES_PER_ACCOUNT_MAX, MoveError, MoveFailure, MoveStatus, MoveTask};
pub use queue::{
    DeduplicationScope, Derived, FifoThroughputLimit, PartitionPlace, Queue, QueueAttributes,
    QueueKey, QueueKind, Redrive,
};
pub(crate) use rare_writer::{NotDurable, RareWriter};
pub use receipt::{Receipt, ReceiptError, ReceiptKey};
pub(crate) use sizes::queue_sizes;
pub use sizes::{QueueSizes, TableSize};
pub use sluice_engine::{Counters, DeleteOutcome, VisibilityOutcome};
pub use start::{BrokerConfig, StartError};
