//! What happens to a failed request besides its answer: the log.

use sluice_wire::{AwsError, ErrorOrigin, ErrorShape, Fault, ServiceModel, framework};
use tracing::{debug, error};

use crate::http::{BodyError, Bound};

/// What a client reads when the server is at fault; the log has the cause.
const INTERNAL_FAILURE_TEXT: &str =
    "The request processing has failed because of an unknown error, exception or failure.";

/// The request body did not arrive in time. No service models it; SDKs know the code and try again.
static REQUEST_TIMEOUT: ErrorShape = ErrorShape {
    name: "RequestTimeoutException",
    query_code: "RequestTimeout",
    status: 408,
    fault: Fault::Sender,
    origin: ErrorOrigin::Framework,
};

/// The answer to a bug or a failed disk.
pub(super) fn internal(cause: impl std::fmt::Display) -> AwsError {
    AwsError::new(&framework::INTERNAL_FAILURE, INTERNAL_FAILURE_TEXT).with_cause(cause)
}

/// The answer when the server is at one of its bounds.
pub(super) fn too_many(bound: Bound) -> AwsError {
    let text = match bound {
        Bound::Connections | Bound::ConnectionsRefused => "too many connections at once",
        Bound::Requests => "too many requests at once",
        Bound::HeadMemory => "too many large requests at once",
        Bound::BodyMemory => return unread_body(&BodyError::NoMemory),
        Bound::ResponseMemory => "too many large responses at once",
        Bound::Scrapes => "too many requests for the metrics at once",
        Bound::KeyRate | Bound::AddressRate => {
            return AwsError::new(&framework::THROTTLING, "Rate exceeded");
        }
    };
    AwsError::new(&framework::SERVICE_UNAVAILABLE, text)
}

/// The answer to an access key that is used too often, as the service has it (neighbours §1.4): clients try again.
pub(super) fn throttled(service: &ServiceModel) -> AwsError {
    AwsError::new(service.throttling, "Rate exceeded")
}

/// The answer to a call that cannot be recorded.
pub(super) fn unaudited() -> AwsError {
    AwsError::new(&framework::SERVICE_UNAVAILABLE, "the audit log cannot be written at present")
}

/// The answer to a body that was not read.
pub(crate) fn unread_body(error: &BodyError) -> AwsError {
    let shape = match error {
        BodyError::TooLarge { .. } => &framework::REQUEST_ENTITY_TOO_LARGE,
        BodyError::TimedOut => &REQUEST_TIMEOUT,
        BodyError::Incomplete => &framework::SERIALIZATION,
        BodyError::NoMemory => &framework::SERVICE_UNAVAILABLE,
    };
    AwsError::new(shape, error.to_string())
}

/// Logs a failed request once. What a client did wrong is for debugging only, and so is a refusal under load, which has
/// no cause: a flood of requests must not become a flood of errors in the log.
pub(super) fn log(error: &AwsError, operation: &str, request_id: &str) {
    let shape = error.shape();
    match (shape.fault, error.cause()) {
        (Fault::Receiver, Some(cause)) => {
            error!(request_id, operation, code = shape.name, cause, "request failed");
        }
        (Fault::Receiver, None) if shape == &framework::INTERNAL_FAILURE => {
            error!(request_id, operation, code = shape.name, cause = "unknown", "request failed");
        }
        (Fault::Receiver | Fault::Sender, cause) => {
            debug!(request_id, operation, code = shape.name, cause, %error, "request refused");
        }
    }
}
