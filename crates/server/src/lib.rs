//! The Sluice server: where HTTP, wire protocols, queues and storage meet.
//!
//! A request passes `http` (bounds, time limits), `gateway` (protocol, identity, authorisation),
//! one operation in `services`, and `broker`, whose shards decide with the engine and make the
//! decision durable in the store before anybody hears of it.

pub mod config;
mod server;
pub mod services;

pub mod gateway;

pub mod broker;

pub mod audit;

pub mod identities;

pub mod keys;
pub mod trails;

pub mod clock;
mod control;
pub mod encryption;
mod hex;
mod http;
pub mod in_process;
mod listeners;
mod metrics;
pub mod null_endpoint;
pub mod offline;
mod random;
mod rare_changes;
mod start_error;
pub mod tls;

pub use server::{Drained, Running, Server};
pub use start_error::StartError;
