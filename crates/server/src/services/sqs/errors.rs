//! Every error that SQS models (contract §1.6), and the exact texts that clients match on.

use std::borrow::Cow;
use std::fmt::Display;

use sluice_wire::{AwsError, ErrorOrigin, ErrorShape, Fault, framework};

use crate::broker::{BrokerError, MOVES_PER_ACCOUNT_MAX, MoveError};
use crate::services::storage_failed;

const fn row(name: &'static str, query_code: &'static str, status: u16) -> ErrorShape {
    ErrorShape { name, query_code, status, fault: Fault::Sender, origin: ErrorOrigin::Service }
}

macro_rules! table {
    ($($shape:ident = $name:literal, $query_code:literal, $status:literal;)*) => {
        $(
            #[doc = concat!("`", $name, "`, Query code `", $query_code, "`.")]
            pub static $shape: ErrorShape = row($name, $query_code, $status);
        )*
        /// Every row of the table, for the tests and the reference page.
        pub static ALL: &[&ErrorShape] = &[$(&$shape),*];
    };
}

table! {
    QUEUE_DOES_NOT_EXIST = "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", 400;
    QUEUE_NAME_EXISTS = "QueueNameExists", "QueueAlreadyExists", 400;
    QUEUE_DELETED_RECENTLY = "QueueDeletedRecently", "AWS.SimpleQueueService.QueueDeletedRecently", 400;
    PURGE_QUEUE_IN_PROGRESS = "PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress", 403;
    MESSAGE_NOT_INFLIGHT = "MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight", 400;
    UNSUPPORTED_OPERATION = "UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation", 400;
    EMPTY_BATCH_REQUEST = "EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest", 400;
    TOO_MANY_ENTRIES_IN_BATCH_REQUEST = "TooManyEntriesInBatchRequest", "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", 400;
    BATCH_ENTRY_IDS_NOT_DISTINCT = "BatchEntryIdsNotDistinct", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", 400;
    BATCH_REQUEST_TOO_LONG = "BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong", 400;
    INVALID_BATCH_ENTRY_ID = "InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId", 400;
    RECEIPT_HANDLE_IS_INVALID = "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", 404;
    RESOURCE_NOT_FOUND = "ResourceNotFoundException", "ResourceNotFoundException", 404;
    INVALID_ADDRESS = "InvalidAddress", "InvalidAddress", 404;
    INVALID_SECURITY = "InvalidSecurity", "InvalidSecurity", 403;
    OVER_LIMIT = "OverLimit", "OverLimit", 403;
    REQUEST_THROTTLED = "RequestThrottled", "RequestThrottled", 403;
    INVALID_ATTRIBUTE_NAME = "InvalidAttributeName", "InvalidAttributeName", 400;
    INVALID_ATTRIBUTE_VALUE = "InvalidAttributeValue", "InvalidAttributeValue", 400;
    INVALID_ID_FORMAT = "InvalidIdFormat", "InvalidIdFormat", 400;
    INVALID_MESSAGE_CONTENTS = "InvalidMessageContents", "InvalidMessageContents", 400;
    KMS_ACCESS_DENIED = "KmsAccessDenied", "KMS.AccessDeniedException", 400;
    KMS_DISABLED = "KmsDisabled", "KMS.DisabledException", 400;
    KMS_INVALID_KEY_USAGE = "KmsInvalidKeyUsage", "KMS.InvalidKeyUsageException", 400;
    KMS_INVALID_STATE = "KmsInvalidState", "KMS.InvalidStateException", 400;
    KMS_NOT_FOUND = "KmsNotFound", "KMS.NotFoundException", 400;
    KMS_OPT_IN_REQUIRED = "KmsOptInRequired", "KMS.OptInRequired", 403;
    KMS_THROTTLED = "KmsThrottled", "KMS.ThrottlingException", 400;
}

/// What a text with a character outside XML 1.0 is refused with.
pub(super) const INVALID_CHARACTERS: &str = "Invalid characters found. Valid unicode characters \
     are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF";

/// The queue that a request names does not exist; the two protocols word it differently.
pub(crate) fn queue_does_not_exist() -> AwsError {
    AwsError::new(&QUEUE_DOES_NOT_EXIST, "The specified queue does not exist.")
        .with_query_message("The specified queue does not exist for this wsdl version.")
}

pub(super) fn queue_name_exists(attribute: &str) -> AwsError {
    AwsError::new(
        &QUEUE_NAME_EXISTS,
        format!(
            "A queue already exists with the same name and a different value for attribute \
             {attribute}"
        ),
    )
}

pub(super) fn queue_deleted_recently() -> AwsError {
    AwsError::new(
        &QUEUE_DELETED_RECENTLY,
        "You must wait 60 seconds after deleting a queue before you can create another with the \
         same name.",
    )
}

pub(super) fn purge_queue_in_progress(queue_name: &str) -> AwsError {
    AwsError::new(
        &PURGE_QUEUE_IN_PROGRESS,
        format!("Only one PurgeQueue operation on {queue_name} is allowed every 60 seconds."),
    )
}

pub(super) fn unsupported_operation(text: impl Into<Cow<'static, str>>) -> AwsError {
    AwsError::new(&UNSUPPORTED_OPERATION, text)
}

/// On a FIFO queue a handle ends with its visibility timeout (contract §4.3).
pub(super) fn receipt_handle_expired(receipt_handle: &str) -> AwsError {
    invalid_value(receipt_handle, "ReceiptHandle", "The receipt handle has expired.")
}

/// More messages are in flight than the queue allows (contract §2.10).
pub(crate) fn over_limit() -> AwsError {
    AwsError::new(
        &OVER_LIMIT,
        "Too many messages have been received without being deleted. Please delete your received \
         messages or let them timeout before receiving more.",
    )
}

/// Bodies in the queue are encrypted, and the request is not signed (contract §9).
pub(super) fn invalid_security() -> AwsError {
    AwsError::new(&INVALID_SECURITY, "All requests to this queue must use HTTPS and SigV4.")
}

/// A policy has more of something than SQS allows.
pub(super) fn policy_over_limit(count: usize, of: &str, count_max: usize) -> AwsError {
    AwsError::new(
        &OVER_LIMIT,
        format!("{count} {of} were found in the submitted policy, max allowed is {count_max}"),
    )
}

/// `AddPermission` was given more of something than SQS allows, in its own words (contract §8.1).
pub(super) fn permission_over_limit(count: usize, of: &str, count_max: usize) -> AwsError {
    AwsError::new(&OVER_LIMIT, format!("{count} {of} were found, maximum allowed is {count_max}."))
}

pub(super) fn empty_batch_request(entry: &str) -> AwsError {
    AwsError::new(
        &EMPTY_BATCH_REQUEST,
        format!("There should be at least one {entry} in the request."),
    )
}

pub(super) fn too_many_entries(count: usize, count_max: usize) -> AwsError {
    AwsError::new(
        &TOO_MANY_ENTRIES_IN_BATCH_REQUEST,
        format!("Maximum number of entries per request are {count_max}. You have sent {count}."),
    )
}

pub(super) fn batch_entry_ids_not_distinct(id: &str) -> AwsError {
    AwsError::new(&BATCH_ENTRY_IDS_NOT_DISTINCT, format!("Id {id} repeated."))
}

pub(super) fn batch_request_too_long(bytes: usize, bytes_max: usize) -> AwsError {
    AwsError::new(
        &BATCH_REQUEST_TOO_LONG,
        format!(
            "Batch requests cannot be longer than {bytes_max} bytes. You have sent {bytes} bytes."
        ),
    )
}

pub(super) fn invalid_batch_entry_id() -> AwsError {
    AwsError::new(
        &INVALID_BATCH_ENTRY_ID,
        "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It \
         can be at most 80 letters long.",
    )
}

pub(super) fn receipt_handle_malformed(receipt_handle: &str) -> AwsError {
    AwsError::new(
        &RECEIPT_HANDLE_IS_INVALID,
        format!("The input receipt handle \"{receipt_handle}\" is not a valid receipt handle."),
    )
}

pub(super) fn receipt_handle_of_other_queue(receipt_handle: &str) -> AwsError {
    AwsError::new(
        &RECEIPT_HANDLE_IS_INVALID,
        format!("The receipt handle \"{receipt_handle}\" is not valid for this queue."),
    )
}

pub(super) fn invalid_message_contents() -> AwsError {
    AwsError::new(&INVALID_MESSAGE_CONTENTS, INVALID_CHARACTERS)
}

pub(super) fn unknown_attribute(name: &str) -> AwsError {
    invalid_attribute_name(format!("Unknown Attribute {name}."))
}

/// Refuses an attribute that only FIFO queues have, in the words of the newer attributes.
pub(super) fn only_on_fifo(name: &str) -> AwsError {
    invalid_attribute_name(format!(
        "You can specify the {name} only when FifoQueue is set to true."
    ))
}

pub(super) fn invalid_attribute_name(text: impl Into<Cow<'static, str>>) -> AwsError {
    AwsError::new(&INVALID_ATTRIBUTE_NAME, text)
}

pub(super) fn invalid_attribute_value(attribute: &str) -> AwsError {
    AwsError::new(&INVALID_ATTRIBUTE_VALUE, format!("Invalid value for the parameter {attribute}."))
}

pub(super) fn invalid_attribute_value_because(attribute: &str, reason: &str) -> AwsError {
    AwsError::new(
        &INVALID_ATTRIBUTE_VALUE,
        format!("Invalid value for the parameter {attribute}. Reason: {reason}"),
    )
}

pub(super) fn invalid_parameter(text: impl Into<Cow<'static, str>>) -> AwsError {
    AwsError::new(&framework::INVALID_PARAMETER_VALUE, text)
}

/// The pattern of most parameter errors: value, parameter, reason.
pub(super) fn invalid_value(value: impl Display, parameter: &str, reason: &str) -> AwsError {
    invalid_parameter(format!(
        "Value {value} for parameter {parameter} is invalid. Reason: {reason}"
    ))
}

/// A parameter that this kind of queue does not take; "include" is how AWS spells it.
pub(super) fn not_for_this_queue_type(value: impl Display, parameter: &str) -> AwsError {
    invalid_value(
        value,
        parameter,
        "The request include parameter that is not valid for this queue type.",
    )
}

pub(super) fn missing_parameter(parameter: &str) -> AwsError {
    AwsError::new(
        &framework::MISSING_REQUIRED_PARAMETER,
        format!("The request must contain the parameter {parameter}."),
    )
}

/// A parameter is no ARN of a queue.
pub(super) fn malformed_arn(parameter: &str) -> AwsError {
    invalid_parameter(format!(
        "You must use this format to specify the {parameter}: \
         arn:<partition>:<service>:<region>:<account-id>:<resource-id>"
    ))
}

/// No queue has the ARN in a parameter.
pub(super) fn resource_not_found(parameter: &str) -> AwsError {
    AwsError::new(
        &RESOURCE_NOT_FOUND,
        format!("The resource that you specified for the {parameter} parameter doesn't exist."),
    )
}

/// What clients read of the broker's refusals about move tasks (contract §7.4).
impl From<MoveError> for AwsError {
    fn from(error: MoveError) -> Self {
        match error {
            MoveError::SourceBusy => invalid_parameter(
                "There is already a task running. Only one active task is allowed for a source \
                 queue arn at a given time.",
            ),
            MoveError::TooManyActive => invalid_parameter(format!(
                "There are already {MOVES_PER_ACCOUNT_MAX} tasks running. No more active tasks \
                 are allowed for an account at a given time."
            )),
            MoveError::NoSuchTask => Self::new(&RESOURCE_NOT_FOUND, "Task does not exist."),
            MoveError::NotRunning => unsupported_operation(
                "A message movement task can only be cancelled when its current status is RUNNING.",
            ),
            MoveError::Broker(error) => error.into(),
        }
    }
}

/// What clients read of the broker's refusals and faults; the log gets the rest.
impl From<BrokerError> for AwsError {
    fn from(error: BrokerError) -> Self {
        match error {
            BrokerError::QueueGone => queue_does_not_exist(),
            BrokerError::OverLimit => over_limit(),
            BrokerError::AttemptOver(id) => invalid_value(
                &id,
                "ReceiveRequestAttemptId",
                "The receiveRequestAttemptId is not valid anymore since the receive call is not \
                 retryable.",
            ),
            // No cause: under load, a flood of these must not become a flood in the log.
            BrokerError::Busy => Self::new(
                &REQUEST_THROTTLED,
                "The request was denied due to request throttling. More requests are waiting than \
                 the server takes; try again.",
            ),
            BrokerError::DiskFull => Self::new(
                &framework::SERVICE_UNAVAILABLE,
                "The server's disk is full. Messages can be received and deleted, not sent.",
            ),
            // No cause: it was logged once, when the store failed.
            BrokerError::Stopped => storage_failed(),
            BrokerError::Unreadable(_) => Self::new(
                &framework::INTERNAL_FAILURE,
                "The request processing has failed because of an unknown error, exception or \
                 failure.",
            )
            .with_cause(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_and_query_code_is_used_once() {
        for (index, shape) in ALL.iter().enumerate() {
            for other in &ALL[..index] {
                assert_ne!(shape.name, other.name);
                assert_ne!(shape.query_code, other.query_code);
            }
        }
    }

    #[test]
    fn a_missing_queue_reads_differently_in_each_protocol() {
        let error = queue_does_not_exist();
        assert_eq!(error.message(), "The specified queue does not exist.");
        assert_eq!(
            error.query_message(),
            "The specified queue does not exist for this wsdl version."
        );
    }

    #[test]
    fn refusals_about_move_tasks_have_the_texts_of_the_contract() {
        for (error, code, text) in [
            (MoveError::NoSuchTask, "ResourceNotFoundException", "Task does not exist."),
            (
                MoveError::TooManyActive,
                "InvalidParameterValue",
                "There are already 100 tasks running. No more active tasks are allowed for an \
                 account at a given time.",
            ),
            (
                BrokerError::QueueGone.into(),
                "AWS.SimpleQueueService.NonExistentQueue",
                "The specified queue does not exist.",
            ),
        ] {
            let error = AwsError::from(error);
            assert_eq!((error.shape().query_code, error.message()), (code, text));
        }
    }

    #[test]
    fn too_many_waiting_requests_are_throttled() {
        let error = AwsError::from(BrokerError::Busy);
        assert_eq!((error.shape().name, error.shape().status), ("RequestThrottled", 403));
        assert_eq!(error.cause(), None, "a flood of these is no flood in the log");
    }

    #[test]
    fn an_empty_value_leaves_two_spaces() {
        let error = invalid_value("", "MessageGroupId", "r");
        assert_eq!(error.message(), "Value  for parameter MessageGroupId is invalid. Reason: r");
    }
}
