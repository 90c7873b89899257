//! Every error of KMS that is answered here (neighbours §5.3), and the exact texts that clients match on.

use sluice_wire::{AwsError, ErrorOrigin, ErrorShape, Fault, framework};

use crate::keys::{KeyError, KeysStopped};
use crate::services::constraints::Constraints;
use crate::services::storage_failed;

const fn row(name: &'static str) -> ErrorShape {
    let (status, fault, origin) = (400, Fault::Sender, ErrorOrigin::Service);
    ErrorShape { name, query_code: name, status, fault, origin }
}

static ALREADY_EXISTS: ErrorShape = row("AlreadyExistsException");
static DISABLED: ErrorShape = row("DisabledException");
static DRY_RUN_OPERATION: ErrorShape = row("DryRunOperationException");
static INCORRECT_KEY: ErrorShape = row("IncorrectKeyException");
static INVALID_ALIAS_NAME: ErrorShape = row("InvalidAliasNameException");
static INVALID_ARN: ErrorShape = row("InvalidArnException");
static INVALID_CIPHERTEXT: ErrorShape = row("InvalidCiphertextException");
static INVALID_GRANT_TOKEN: ErrorShape = row("InvalidGrantTokenException");
static INVALID_KEY_USAGE: ErrorShape = row("InvalidKeyUsageException");
static INVALID_MARKER: ErrorShape = row("InvalidMarkerException");
static INVALID_STATE: ErrorShape = row("KMSInvalidStateException");
static LIMIT_EXCEEDED: ErrorShape = row("LimitExceededException");
static MALFORMED_POLICY_DOCUMENT: ErrorShape = row("MalformedPolicyDocumentException");
static NOT_AUTHORIZED: ErrorShape = row("NotAuthorizedException");
static NOT_FOUND: ErrorShape = row("NotFoundException");
static TAG: ErrorShape = row("TagException");
static UNSUPPORTED_OPERATION: ErrorShape = row("UnsupportedOperationException");
static VALIDATION: ErrorShape = row("ValidationException");
static INTERNAL: ErrorShape = ErrorShape {
    name: "KMSInternalException",
    query_code: "KMSInternalException",
    status: 500,
    fault: Fault::Receiver,
    origin: ErrorOrigin::Service,
};

/// Refuses a request whose parameters do not satisfy what they must.
pub(super) fn check(constraints: Constraints) -> Result<(), AwsError> {
    match constraints.problem() {
        None => Ok(()),
        Some(text) => Err(validation(text)),
    }
}

pub(super) fn validation(text: impl Into<String>) -> AwsError {
    AwsError::new(&VALIDATION, text.into())
}

/// An alias is taken.
pub(super) fn alias_exists(arn: &str) -> AwsError {
    AwsError::new(&ALREADY_EXISTS, format!("An alias with the name {arn} already exists"))
}

/// Something else than the prefix is wrong with the name of an alias.
pub(super) fn invalid_alias_name(name: &str) -> AwsError {
    AwsError::new(&INVALID_ALIAS_NAME, format!("{name} is not a valid alias name."))
}

/// Nobody can have names of aliases that begin so.
pub(super) fn reserved_alias() -> AwsError {
    AwsError::new(&NOT_AUTHORIZED, "Names that begin with alias/aws/ are reserved for AWS.")
}

/// A key that the server manages cannot be changed.
pub(super) fn aws_managed(arn: &str) -> AwsError {
    let text = format!("{arn} is an AWS managed key, which only its service changes.");
    AwsError::new(&framework::ACCESS_DENIED, text)
}

/// What is asked for is not among what symmetric keys for encryption have.
pub(super) fn unsupported(text: &'static str) -> AwsError {
    AwsError::new(&UNSUPPORTED_OPERATION, text)
}

/// An algorithm of other keys.
pub(super) fn invalid_algorithm(arn: &str, algorithm: &str) -> AwsError {
    let text = format!(
        "{arn} key spec is SYMMETRIC_DEFAULT, which has no encryption algorithm {algorithm}."
    );
    AwsError::new(&INVALID_KEY_USAGE, text)
}

/// It would have succeeded.
pub(super) fn dry_run() -> AwsError {
    let text = "The request would have succeeded, but the DryRun option is set.";
    AwsError::new(&DRY_RUN_OPERATION, text)
}

/// No grant gave it out.
pub(super) fn invalid_grant_token() -> AwsError {
    AwsError::new(&INVALID_GRANT_TOKEN, "The grant token is not valid.")
}

/// It names nobody.
pub(super) fn invalid_arn(arn: &str) -> AwsError {
    AwsError::new(&INVALID_ARN, format!("{arn} is not the ARN of a principal."))
}

pub(super) fn invalid_marker() -> AwsError {
    AwsError::new(&INVALID_MARKER, "The marker is not valid.")
}

pub(super) fn limit_exceeded(text: String) -> AwsError {
    AwsError::new(&LIMIT_EXCEEDED, text)
}

pub(super) fn malformed_policy(text: impl Into<String>) -> AwsError {
    AwsError::new(&MALFORMED_POLICY_DOCUMENT, text.into())
}

pub(super) fn tag(text: &'static str) -> AwsError {
    AwsError::new(&TAG, text)
}

impl From<KeyError> for AwsError {
    fn from(error: KeyError) -> Self {
        let shape = match &error {
            KeyError::NotFound(_) => &NOT_FOUND,
            KeyError::InvalidArn(_) => &INVALID_ARN,
            KeyError::Disabled(_) => &DISABLED,
            KeyError::InvalidState(_) => &INVALID_STATE,
            KeyError::AccessDenied(_) => &framework::ACCESS_DENIED,
            KeyError::InvalidCiphertext => &INVALID_CIPHERTEXT,
            KeyError::IncorrectKey => &INCORRECT_KEY,
            KeyError::NoMasterKey => &UNSUPPORTED_OPERATION,
            KeyError::UnreadableMaterial => &INTERNAL,
            KeyError::Stopped(stopped) => return (*stopped).into(),
        };
        Self::new(shape, error.to_string())
    }
}

/// What clients read of a fault of the store; it was logged once, when the store failed.
impl From<KeysStopped> for AwsError {
    fn from(_: KeysStopped) -> Self {
        storage_failed()
    }
}
