//! Wire protocols of the AWS API, without any operation.
//!
//! A request becomes a [`Call`] through [`route`]: service, protocol, operation name, parameters. [`Call::input`] turns the
//! parameters into one owned tree ([`Value`]) and from there, through serde, into the plain input struct of an operation;
//! [`Call::render`] turns the output struct into the bytes of the protocol that the caller spoke. What differs between AWS
//! services is a static [`ServiceModel`]; this crate knows the name of no operation, parameter or attribute.
//!
//! Invariants: nothing that arrives from the network panics or allocates more than a bounded multiple of its size, and
//! who may do what is not judged here: a signature is verified with a key that the caller has found.

mod error;
mod service;

mod blob;
mod content;
mod credentials;
mod hex;
mod json_text;
mod signature;
mod sigv4;
mod timestamp;
mod value;

mod aws_json;
mod call;
mod query;
mod response;
mod route;

pub use blob::Blob;
pub use call::{Call, Protocol};
pub use content::decoded_body;
pub use credentials::Credential;
pub use error::{AwsError, ErrorOrigin, ErrorShape, Fault, framework};
pub use route::{Rejection, route};
pub use service::{JsonVersion, QueryModel, ServiceModel, Spelling, SpellingShape};
pub use signature::Signature;
pub use sigv4::{
    Signer, SigningIdentity, SigningKey, SigningRequest, iso_8601, sign, unix_secs_of_iso_8601,
};
pub use timestamp::Timestamp;
pub use value::{DecodeError, Value};
