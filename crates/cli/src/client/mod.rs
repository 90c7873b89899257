//! The client commands: a thin SQS client over AWS JSON 1.0, for this server and any other SQS endpoint.

mod attribute;
mod connection;
mod endpoint;
mod signature;

pub(crate) mod messages;
pub(crate) mod queues;
pub(crate) mod redrive;

pub(crate) use connection::{Connection, ConnectionArgs};
