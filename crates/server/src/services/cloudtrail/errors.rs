//! Every error of CloudTrail that is answered here (neighbours §4.1). The texts about trails are those of AWS where they
//! are known, the others are own.

use std::io;

use sluice_wire::{AwsError, ErrorOrigin, ErrorShape, Fault, framework};

use crate::identities::Trail;

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
static INVALID_TRAIL_NAME: ErrorShape = row("InvalidTrailNameException");
static INVALID_BUCKET_NAME: ErrorShape = row("InvalidS3BucketNameException");
static INVALID_PREFIX: ErrorShape = row("InvalidS3PrefixException");
static INVALID_ARN: ErrorShape = row("CloudTrailARNInvalidException");
static INVALID_HOME_REGION: ErrorShape = row("InvalidHomeRegionException");
static INVALID_COMBINATION: ErrorShape = row("InvalidParameterCombinationException");
static INVALID_EVENT_SELECTORS: ErrorShape = row("InvalidEventSelectorsException");
static INVALID_TAG: ErrorShape = row("InvalidTagParameterException");
static TAGS_LIMIT_EXCEEDED: ErrorShape = row("TagsLimitExceededException");
static TRAIL_NOT_FOUND: ErrorShape = row("TrailNotFoundException");
static TRAIL_ALREADY_EXISTS: ErrorShape = row("TrailAlreadyExistsException");
static TOO_MANY_TRAILS: ErrorShape = row("MaximumNumberOfTrailsExceededException");
static RESOURCE_NOT_FOUND: ErrorShape = row("ResourceNotFoundException");

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

pub(super) fn invalid_trail_name(text: impl Into<String>) -> AwsError {
    AwsError::new(&INVALID_TRAIL_NAME, text.into())
}

pub(super) fn invalid_bucket_name(text: impl Into<String>) -> AwsError {
    AwsError::new(&INVALID_BUCKET_NAME, text.into())
}

pub(super) fn invalid_prefix(prefix: &str) -> AwsError {
    AwsError::new(&INVALID_PREFIX, format!("S3 prefix {prefix} is not valid."))
}

pub(super) fn invalid_arn(arn: &str) -> AwsError {
    AwsError::new(&INVALID_ARN, format!("{arn} is not the ARN of a trail."))
}

/// A trail can be changed only where it was created.
pub(super) fn invalid_home_region(trail: &Trail) -> AwsError {
    let text = format!("{} can only be changed in {}.", trail.arn(), trail.home_region);
    AwsError::new(&INVALID_HOME_REGION, text)
}

pub(super) fn invalid_combination(text: &'static str) -> AwsError {
    AwsError::new(&INVALID_COMBINATION, text)
}

pub(super) fn invalid_event_selectors(text: impl Into<String>) -> AwsError {
    AwsError::new(&INVALID_EVENT_SELECTORS, text.into())
}

pub(super) fn invalid_tag(text: impl Into<String>) -> AwsError {
    AwsError::new(&INVALID_TAG, text.into())
}

pub(super) fn too_many_tags(max: usize) -> AwsError {
    AwsError::new(&TAGS_LIMIT_EXCEEDED, format!("A trail can have {max} tags at most."))
}

pub(super) fn trail_not_found(name: &str, account: &str) -> AwsError {
    AwsError::new(&TRAIL_NOT_FOUND, format!("Unknown trail: {name} for the user: {account}"))
}

pub(super) fn trail_already_exists(name: &str, account: &str) -> AwsError {
    let text = format!("Trail {name} already exists for customer: {account}");
    AwsError::new(&TRAIL_ALREADY_EXISTS, text)
}

pub(super) fn too_many_trails(account: &str, region: &str, max: usize) -> AwsError {
    let text = format!("User: {account} already has {max} trails in {region}.");
    AwsError::new(&TOO_MANY_TRAILS, text)
}

/// What has tags does not exist.
pub(super) fn resource_not_found(arn: &str) -> AwsError {
    AwsError::new(&RESOURCE_NOT_FOUND, format!("Resource {arn} was not found."))
}

/// Something about trails that this server does not do.
pub(super) fn unsupported(text: &'static str) -> AwsError {
    AwsError::new(&UNSUPPORTED_OPERATION, text)
}
