//! What the server tells Prometheus, in OpenMetrics text.
//!
//! Requests and connections are counted where they happen; queues, store and process are looked at
//! when somebody asks.

mod audit;
mod process;
mod queues;
mod requests;
mod scrape;
mod store;

pub(crate) use audit::AuditMetrics;
pub(crate) use requests::{ConnectionMetrics, Outcome};
pub(crate) use scrape::{CONTENT_TYPE, Metrics, Sources};
