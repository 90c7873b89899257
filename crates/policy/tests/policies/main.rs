//! Policies against requests: a table of cases, and random ones against a naive evaluator.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a failed test is meant to panic")]

mod cases;
mod interface;
mod naive;
mod properties;
mod world;
