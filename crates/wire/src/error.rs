//! What a client is told when a request fails: shape, codes, status, text.

use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};

/// Tells who has to change something before the request can succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The caller; status 4xx.
    Sender,
    /// The server; status 5xx.
    Receiver,
}

impl Fault {
    /// Returns the word that the Query protocol and `x-amzn-query-error` use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sender => "Sender",
            Self::Receiver => "Receiver",
        }
    }
}

/// Tells whose namespace prefixes the shape name in the JSON member `__type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorOrigin {
    /// Modelled by the service: its own namespace, as in `com.amazonaws.sqs#QueueDoesNotExist`.
    Service,
    /// Raised by the service framework: `com.amazon.coral.service#…`.
    Framework,
}

/// Describes one AWS error, side by side for all protocols.
#[derive(Debug, PartialEq, Eq)]
pub struct ErrorShape {
    /// Shape name, the part of `__type` after `#`.
    pub name: &'static str,
    /// Code in the Query protocol and in the header `x-amzn-query-error`.
    pub query_code: &'static str,
    /// HTTP status.
    pub status: u16,
    /// Who has to change something.
    pub fault: Fault,
    /// Whose namespace prefixes `name`.
    pub origin: ErrorOrigin,
}

/// The errors that no service models, but every service can answer.
pub mod framework {
    use super::{ErrorOrigin, ErrorShape, Fault};

    const fn shape(
        name: &'static str,
        query_code: &'static str,
        status: u16,
        fault: Fault,
    ) -> ErrorShape {
        ErrorShape { name, query_code, status, fault, origin: ErrorOrigin::Framework }
    }

    const fn sender(name: &'static str, query_code: &'static str, status: u16) -> ErrorShape {
        shape(name, query_code, status, Fault::Sender)
    }

    const fn receiver(name: &'static str, query_code: &'static str, status: u16) -> ErrorShape {
        shape(name, query_code, status, Fault::Receiver)
    }

    /// A parameter has a value that is not allowed.
    pub static INVALID_PARAMETER_VALUE: ErrorShape =
        sender("InvalidParameterValueException", "InvalidParameterValue", 400);
    /// A required parameter is absent.
    pub static MISSING_REQUIRED_PARAMETER: ErrorShape =
        sender("MissingRequiredParameterException", "MissingParameter", 400);
    /// The service has no such operation.
    pub static UNKNOWN_OPERATION: ErrorShape =
        sender("UnknownOperationException", "InvalidAction", 400);
    /// The request cannot be parsed, or a value has the wrong type.
    pub static SERIALIZATION: ErrorShape = sender("SerializationException", "MalformedInput", 400);
    /// The caller is not allowed to do this, or sent no credentials.
    pub static ACCESS_DENIED: ErrorShape = sender("AccessDeniedException", "AccessDenied", 403);
    /// The access key id is unknown.
    pub static UNRECOGNIZED_CLIENT: ErrorShape =
        sender("UnrecognizedClientException", "InvalidClientTokenId", 403);
    /// The credentials were temporary, and their time is over.
    pub static EXPIRED_TOKEN: ErrorShape = sender("ExpiredTokenException", "ExpiredToken", 403);
    /// Nobody signed, and the service has nothing for strangers.
    pub static MISSING_AUTHENTICATION_TOKEN: ErrorShape =
        sender("MissingAuthenticationTokenException", "MissingAuthenticationToken", 403);
    /// The signature is wrong or too old.
    pub static INVALID_SIGNATURE: ErrorShape =
        sender("InvalidSignatureException", "SignatureDoesNotMatch", 403);
    /// The `Authorization` header is malformed.
    pub static INCOMPLETE_SIGNATURE: ErrorShape =
        sender("IncompleteSignatureException", "IncompleteSignature", 400);
    /// The caller sends faster than allowed.
    pub static THROTTLING: ErrorShape = sender("ThrottlingException", "ThrottlingException", 403);
    /// The same of services that speak the Query protocol only.
    pub static QUERY_THROTTLING: ErrorShape = sender("Throttling", "Throttling", 400);
    /// The request body is larger than the server accepts.
    pub static REQUEST_ENTITY_TOO_LARGE: ErrorShape =
        sender("RequestEntityTooLargeException", "RequestEntityTooLarge", 413);
    /// The server failed; the log has the cause.
    pub static INTERNAL_FAILURE: ErrorShape = receiver("InternalFailure", "InternalFailure", 500);
    /// The server cannot answer now; a retry may succeed.
    pub static SERVICE_UNAVAILABLE: ErrorShape =
        receiver("ServiceUnavailableException", "ServiceUnavailable", 503);
}

/// An error on its way to a client: what it reads, and separately what only the log gets.
#[derive(Debug)]
pub struct AwsError {
    shape: &'static ErrorShape,
    message: Cow<'static, str>,
    query_message: Option<Cow<'static, str>>,
    cause: Option<Box<str>>,
}

impl AwsError {
    /// Creates an error with the text that clients of every protocol read.
    pub fn new(shape: &'static ErrorShape, message: impl Into<Cow<'static, str>>) -> Self {
        Self { shape, message: message.into(), query_message: None, cause: None }
    }

    /// Replaces the text for the Query protocol only, where AWS words a few errors differently.
    #[must_use]
    pub fn with_query_message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.query_message = Some(message.into());
        self
    }

    /// Attaches the cause for the log. It is never rendered and not part of `Display`.
    #[must_use]
    pub fn with_cause(mut self, cause: impl Display) -> Self {
        self.cause = Some(cause.to_string().into_boxed_str());
        self
    }

    /// Returns the static description of this error.
    pub fn shape(&self) -> &'static ErrorShape {
        self.shape
    }

    /// Returns the text for clients.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the text for clients of the Query protocol.
    pub fn query_message(&self) -> &str {
        self.query_message.as_deref().unwrap_or(&self.message)
    }

    /// Returns the cause for the log.
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }
}

impl Display for AwsError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.shape.name, self.message)
    }
}

impl std::error::Error for AwsError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_for_the_log_only() {
        let error = AwsError::new(&framework::INTERNAL_FAILURE, "try again").with_cause("disk 7");
        assert_eq!(error.to_string(), "InternalFailure: try again");
        assert_eq!(error.cause(), Some("disk 7"));
    }

    #[test]
    fn the_query_message_falls_back_to_the_message() {
        let error = AwsError::new(&framework::ACCESS_DENIED, "no");
        assert_eq!(error.query_message(), "no");
        assert_eq!(error.with_query_message("not you").query_message(), "not you");
    }
}
