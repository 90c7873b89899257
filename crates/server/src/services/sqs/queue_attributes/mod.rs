//! Queue attributes (contract §3): one table of rows, and the rules that need more than a row.

mod change;
mod echo;
mod policy;
mod policy_document;
mod redrive_allow_policy;
mod redrive_policy;
mod table;

pub(super) use change::{AttributeChanges, AttributeTexts, kind_asked_for};
pub(super) use echo::{Wanted, is_queue_attribute};
pub(super) use policy_document::{PolicyDocument, Statement};
