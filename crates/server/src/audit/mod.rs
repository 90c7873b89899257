//! The audit log: who called what, as CloudTrail would have recorded it, in files of its own.
//!
//! The gateway makes a [`Draft`] of a record when a call comes in, and finishes it with the answer. One task writes the
//! records, a line of JSON each, into files in which every line carries the hash of the line before; another compresses
//! files that are full. [`verify`] reads it all again. `docs/audit.md` says what operators have to know.

mod bounds;
mod category;
mod draft;
mod gap;
mod hidden;
mod record;
mod user_identity;

mod chain;
mod digest;
mod files;
mod finisher;
mod layout;
mod log;
mod looking;
mod lookup;
mod place;
#[cfg(test)]
mod tests;
mod verify;
mod writer;

pub use category::EventCategory;
pub(crate) use draft::{Draft, Subject};
pub(crate) use log::{AuditLog, Availability, LookUpError};
pub(crate) use lookup::{Attribute, Search, user_name};
pub use place::Place;
pub(crate) use place::each_between;
pub use verify::{Verified, VerifyError, verify};
