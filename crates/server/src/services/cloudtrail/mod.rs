//! AWS CloudTrail, as far as the audit log has it (neighbours §4): one file per operation, one line each in [`SERVICE`].

mod lookup_events;

mod errors;
mod model;
pub(super) mod target;

use super::{OperationEntry, Service};

pub use model::MODEL;

/// CloudTrail.
pub static SERVICE: Service =
    Service { model: &MODEL, operations: &[OperationEntry::of::<lookup_events::LookupEvents>()] };
