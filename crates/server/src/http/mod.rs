//! HTTP/1.1 and HTTP/2 on TCP ports and Unix sockets, with TLS or without: bounds, time limits, draining.
//! Knows no AWS protocol; the gateway does.

mod activity;
mod body;
mod connection;
mod connections;
mod limits;
mod listener;
mod memory;
mod not_allowed;
mod socket;
mod stream;
#[cfg(test)]
mod tests;
mod tls;

pub(crate) use body::{BodyBudget, BodyError, BodyShare, ReadBody, read_body};
pub(crate) use connection::{Arrival, Bound, Respond, Transport, UnreadBody};
pub(crate) use limits::Limits;
pub(crate) use listener::{Listener, Stops, serve_connections};
#[cfg(test)]
pub(crate) use socket::Peer;
pub(crate) use tls::{Agreed, Tls};
