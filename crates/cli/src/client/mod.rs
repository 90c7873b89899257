//! The client commands: a thin client of SQS over AWS JSON, and of IAM and STS over the Query protocol, for this server
//! and any other endpoint.

mod attribute;
mod connection;
mod endpoint;
mod query;
mod signature;

pub(crate) mod iam;
pub(crate) mod messages;
pub(crate) mod queues;
pub(crate) mod redrive;

pub(crate) use connection::{Connection, ConnectionArgs, KMS};
pub(crate) use endpoint::Endpoint;
pub(crate) use signature::Credentials;
