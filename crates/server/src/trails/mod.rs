//! Trails: which recorded events are delivered as files that tools for CloudTrail read.
//!
//! What a trail is stands in [`crate::identities::Trail`]. Here is which events its selectors select, and the task that
//! reads the audit log and writes the files.

mod advanced;
mod delivery;
mod event;
mod log_file;
mod selectors;

pub use advanced::{AdvancedEventSelector, Field, FieldSelector};
pub(crate) use delivery::DeliveryTask;
pub use event::Event;
pub use selectors::{DataResource, EventSelector, ReadWriteType, Selectors};
