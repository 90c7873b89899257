//! AWS policy documents, as pure decisions: no I/O, no clock, no randomness, no knowledge of any service.
//!
//! [`Policy::parse`] reads a document once and keeps it in a form that is cheap to evaluate; it is immutable and can be
//! shared. [`decide`] takes a [`Request`] (who does what to which resource, with [`ContextKeys`] that are asked only when a
//! policy names them) and the [`Policies`] that apply to it, and combines them by the rules of IAM: an explicit deny
//! anywhere wins, and what nothing allows is denied.
//!
//! Left to the caller: the sizes of documents, which policies belong to whom, whether principals and resources exist, and
//! rules of single services (which operations never go across accounts, that root may always repair a queue's policy).
//! Organisations (SCP, RCP) are deliberately absent.
//!
//! Where AWS's documentation leaves something open, the answer is the one that lets fewer in.
//!
//! Reading order: `request`, `principal`, `decision`, `policy`, `statement`, and then one file per element.
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::panic, reason = "a failed test is meant to panic")
)]

mod decision;
mod policy;
mod principal;
mod request;
mod statement;

mod action;
mod condition;
mod listed_principal;
mod operator;
mod pattern;
mod resource;
mod value;

mod error;
mod json;

pub use decision::{Decision, Denial, Policies, PolicyType, ResourcePolicy, decide};
pub use error::PolicyError;
pub use policy::{Kind, Policy};
pub use principal::Principal;
pub use request::{ContextKeys, Request, Values};
