//! From HTTP to an operation and back. A plain sequence of calls for every request: read the body, pick protocol and
//! service, authenticate, find the operation, decode, authorise, run, encode. The last four are
//! [`OperationEntry::serve`](crate::services::OperationEntry), the others are [`request`].

mod admin;
mod authorisation;
mod base_url;
mod failure;
mod grants;
mod identity;
mod origin;
mod panic;
mod parsed;
mod rates;
mod request;
mod request_keys;
mod signing_keys;
mod status;
mod web_page;

pub(crate) use authorisation::Authoriser;
pub(crate) use failure::unread_body;
pub(crate) use identity::Authenticator;
pub use identity::{Caller, Identity};
pub(crate) use rates::Rates;
pub(crate) use request::Gateway;
pub(crate) use status::{SCRAPES_MAX, of as status_of};
