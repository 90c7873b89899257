//! Who may do what on a server that verifies signatures.

#[path = "../http_support/mod.rs"]
mod http_support;

mod client;

mod endpoints;
mod federated_users;
mod identities;
mod keys;
mod matrix;
mod queues;
mod sessions;
mod sse_kms;
mod strangers;
