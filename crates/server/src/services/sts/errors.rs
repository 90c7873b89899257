//! The errors of STS that are answered here (neighbours §6.2).

use sluice_policy::PolicyError;
use sluice_wire::{AwsError, ErrorOrigin, ErrorShape, Fault, framework};

use crate::services::constraints::policy_problem;

const fn row(name: &'static str, query_code: &'static str, status: u16) -> ErrorShape {
    ErrorShape { name, query_code, status, fault: Fault::Sender, origin: ErrorOrigin::Service }
}

static MALFORMED_POLICY_DOCUMENT: ErrorShape =
    row("MalformedPolicyDocumentException", "MalformedPolicyDocument", 400);
static PACKED_POLICY_TOO_LARGE: ErrorShape =
    row("PackedPolicyTooLargeException", "PackedPolicyTooLarge", 400);

/// The role does not exist, or does not trust the caller: which, nobody learns.
pub(super) fn may_not_assume(caller_arn: &str, role_arn: &str) -> AwsError {
    access_denied(format!(
        "User: {caller_arn} is not authorized to perform: sts:AssumeRole on resource: {role_arn}"
    ))
}

pub(super) fn access_denied(text: impl Into<String>) -> AwsError {
    AwsError::new(&framework::ACCESS_DENIED, text.into())
}

pub(super) fn malformed_policy_document(error: &PolicyError) -> AwsError {
    AwsError::new(&MALFORMED_POLICY_DOCUMENT, policy_problem(error))
}

pub(super) fn packed_policy_too_large(percent: usize) -> AwsError {
    AwsError::new(
        &PACKED_POLICY_TOO_LARGE,
        format!("Packed size of session tags and policies consumes {percent}% of allotted space."),
    )
}

pub(super) fn invalid_parameter(text: &'static str) -> AwsError {
    AwsError::new(&framework::INVALID_PARAMETER_VALUE, text)
}
