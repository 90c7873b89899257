//! What a queue asks of a request because bodies in it are encrypted (contract §9).
//!
//! HTTPS is asked for by the listener: plain HTTP is accepted from the same machine only, or where who runs the server says that
//! something else protects the network (`allow_plain_http`).

use sluice_wire::AwsError;

use super::errors;
use crate::broker::Queue;
use crate::gateway::Caller;
use crate::services::Context;

/// Refuses who does not sign, whatever the queue's policy allows.
///
/// # Errors
/// `InvalidSecurity`
pub(super) fn check(context: &Context, queue: &Queue) -> Result<(), AwsError> {
    match context.identity.caller {
        Caller::Anonymous if context.broker.encrypts(queue) => Err(errors::invalid_security()),
        Caller::Anonymous | Caller::Claimed(_) | Caller::Known(_) => Ok(()),
    }
}
