//! Every error of CloudTrail that is answered here (neighbours §4.1). The texts are own.

use std::io;

use sluice_wire::{AwsError, ErrorOrigin, ErrorShape, Fault, framework};

const fn row(name: &'static str) -> ErrorShape {
    let (status, fault, origin) = (400, Fault::Sender, ErrorOrigin::Service);
    ErrorShape { name, query_code: name, status, fault, origin }
}

static INVALID_LOOKUP_ATTRIBUTES: ErrorShape = row("InvalidLookupAttributesException");
static INVALID_TIME_RANGE: ErrorShape = row("InvalidTimeRangeException");
static INVALID_MAX_RESULTS: ErrorShape = row("InvalidMaxResultsException");
static INVALID_NEXT_TOKEN: ErrorShape = row("InvalidNextTokenException");
static INVALID_EVENT_CATEGORY: ErrorShape = row("InvalidEventCategoryException");
static UNSUPPORTED_OPERATION: ErrorShape = row("UnsupportedOperationException");

pub(super) fn invalid_lookup_attributes(text: &'static str) -> AwsError {
    AwsError::new(&INVALID_LOOKUP_ATTRIBUTES, text)
}

pub(super) fn invalid_time_range() -> AwsError {
    let text = "The start time must not be after the end time, and both must be times.";
    AwsError::new(&INVALID_TIME_RANGE, text)
}

pub(super) fn invalid_max_results() -> AwsError {
    AwsError::new(&INVALID_MAX_RESULTS, "MaxResults must be between 1 and 50.")
}

pub(super) fn invalid_next_token() -> AwsError {
    AwsError::new(&INVALID_NEXT_TOKEN, "The token is not valid.")
}

pub(super) fn invalid_event_category() -> AwsError {
    let text = "The only event category that can be given is insight.";
    AwsError::new(&INVALID_EVENT_CATEGORY, text)
}

/// There is nothing to look at.
pub(super) fn no_audit_log() -> AwsError {
    let text = "This server keeps no audit log: audit.directory is not set.";
    AwsError::new(&UNSUPPORTED_OPERATION, text)
}

/// Too many look at once.
pub(super) fn rate_exceeded() -> AwsError {
    AwsError::new(&framework::THROTTLING, "Rate exceeded")
}

/// The files cannot be read.
pub(super) fn unreadable(cause: &io::Error) -> AwsError {
    let text = "An internal error occurred.";
    AwsError::new(&framework::INTERNAL_FAILURE, text).with_cause(cause)
}
