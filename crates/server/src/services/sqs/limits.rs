//! The limits of SQS: one row each, with the parameter name that the error text prints.

use sluice_wire::AwsError;

use super::errors;

/// Range of a queue attribute. Its error text names the attribute only.
#[derive(Debug, Clone, Copy)]
pub(super) struct AttributeLimit {
    /// Attribute name.
    pub(super) attribute: &'static str,
    /// Smallest value.
    pub(super) min: u32,
    /// Largest value.
    pub(super) max: u32,
}

/// Range of an integer parameter of an operation.
#[derive(Debug, Clone, Copy)]
pub(super) struct ParameterLimit {
    /// Parameter name.
    pub(super) parameter: &'static str,
    /// Smallest value.
    pub(super) min: u32,
    /// Largest value.
    pub(super) max: u32,
    /// What the error text gives as the reason.
    pub(super) reason: &'static str,
}

const fn attribute(attribute: &'static str, min: u32, max: u32) -> AttributeLimit {
    AttributeLimit { attribute, min, max }
}

const fn parameter(
    parameter: &'static str,
    min: u32,
    max: u32,
    reason: &'static str,
) -> ParameterLimit {
    ParameterLimit { parameter, min, max, reason }
}

// Queue attributes, contract §3.1.
pub(super) const QUEUE_VISIBILITY_TIMEOUT: AttributeLimit =
    attribute("VisibilityTimeout", 0, VISIBILITY_TIMEOUT_SECS_MAX);
pub(super) const QUEUE_DELAY: AttributeLimit = attribute("DelaySeconds", 0, 900);
pub(super) const QUEUE_MESSAGE_BYTES: AttributeLimit =
    attribute("MaximumMessageSize", 1024, 1_048_576);
pub(super) const QUEUE_RETENTION: AttributeLimit =
    attribute("MessageRetentionPeriod", 60, 1_209_600);
pub(super) const QUEUE_RECEIVE_WAIT: AttributeLimit =
    attribute("ReceiveMessageWaitTimeSeconds", 0, 20);
pub(super) const QUEUE_KMS_DATA_KEY_REUSE: AttributeLimit =
    attribute("KmsDataKeyReusePeriodSeconds", 60, 86_400);

// Parameters, contract §2.
pub(super) const DELAY_SECONDS: ParameterLimit =
    parameter("DelaySeconds", 0, 900, "DelaySeconds must be >= 0 and <= 900.");
pub(super) const RECEIVE_COUNT: ParameterLimit =
    parameter("MaxNumberOfMessages", 1, 10, "Must be between 1 and 10, if provided.");
pub(super) const RECEIVE_WAIT: ParameterLimit =
    parameter("WaitTimeSeconds", 0, 20, "Must be >= 0 and <= 20, if provided.");
pub(super) const RECEIVE_VISIBILITY_TIMEOUT: ParameterLimit = parameter(
    "VisibilityTimeout",
    0,
    VISIBILITY_TIMEOUT_SECS_MAX,
    "Must be >= 0 and <= 43200, if provided.",
);
pub(super) const CHANGE_VISIBILITY_TIMEOUT: ParameterLimit =
    parameter("VisibilityTimeout", 0, VISIBILITY_TIMEOUT_SECS_MAX, "Must be between 0 and 43200.");

/// Longest visibility timeout, s; also the longest time since the receive.
pub(super) const VISIBILITY_TIMEOUT_SECS_MAX: u32 = 43_200;
/// Longest queue name, `.fifo` included.
pub(super) const QUEUE_NAME_CHARS_MAX: usize = 80;
/// Queue URLs on one page, and without paging.
pub(super) const LIST_QUEUES_MAX: u32 = 1000;
/// Time before the name of a deleted queue can be used again, ms.
pub(super) const RECREATE_LOCK_MS: u64 = 60_000;
/// Time between two purges of a queue, ms.
pub(super) const PURGE_LOCK_MS: u64 = 60_000;
/// Entries of one batch request.
pub(super) const BATCH_ENTRIES_MAX: usize = 10;
/// Longest id of a batch entry.
pub(super) const BATCH_ENTRY_ID_CHARS_MAX: usize = 80;
/// Bodies and attributes of one batch request, bytes, whatever the queue allows for one message.
pub(super) const BATCH_BYTES_MAX: usize = 1_048_576;
/// Longest message group, deduplication and receive attempt id.
pub(super) const MESSAGE_ID_TEXT_CHARS_MAX: usize = 128;
/// Message attributes of one message.
pub(super) const MESSAGE_ATTRIBUTES_MAX: usize = 10;
/// Longest message attribute name and data type.
pub(super) const MESSAGE_ATTRIBUTE_NAME_CHARS_MAX: usize = 256;
/// Significant digits of a `Number` attribute.
pub(super) const NUMBER_DIGITS_MAX: usize = 38;
/// Decimal exponents of the leading digit of a `Number` attribute.
pub(super) const NUMBER_EXPONENTS: std::ops::RangeInclusive<i64> = -128..=126;
/// Receives before a message moves to the dead-letter queue.
pub(super) const RECEIVE_COUNT_MAX: std::ops::RangeInclusive<u32> = 1..=1000;
/// Source queues of a `RedriveAllowPolicy`.
pub(super) const REDRIVE_SOURCES_MAX: usize = 10;
/// Policy text, bytes.
pub(super) const POLICY_BYTES_MAX: usize = 8192;
/// Statements of a policy.
pub(super) const POLICY_STATEMENTS_MAX: usize = 20;
/// Principals of a policy.
pub(super) const POLICY_PRINCIPALS_MAX: usize = 50;
/// Conditions of a policy.
pub(super) const POLICY_CONDITIONS_MAX: usize = 10;
/// Actions of one `AddPermission`.
pub(super) const PERMISSION_ACTIONS_MAX: usize = 7;
/// Longest label of a permission.
pub(super) const PERMISSION_LABEL_CHARS_MAX: usize = 80;
/// Digits of an account id.
pub(super) const ACCOUNT_ID_CHARS: usize = 12;
/// Tags of a queue.
pub(super) const TAGS_MAX: usize = 50;
/// Longest tag key.
pub(super) const TAG_KEY_CHARS_MAX: usize = 128;
/// Longest tag value.
pub(super) const TAG_VALUE_CHARS_MAX: usize = 256;

impl AttributeLimit {
    /// Reads an attribute value: decimal digits only, within the limit.
    pub(super) fn parse(&self, text: &str) -> Option<u32> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        text.parse().ok().filter(|value| (self.min..=self.max).contains(value))
    }
}

impl ParameterLimit {
    /// Checks a parameter value, or refuses it with the row's reason.
    pub(super) fn check(&self, value: i64) -> Result<u32, AwsError> {
        u32::try_from(value)
            .ok()
            .filter(|value| (self.min..=self.max).contains(value))
            .ok_or_else(|| errors::invalid_value(value, self.parameter, self.reason))
    }

    /// Checks a parameter that has a default.
    pub(super) fn check_or(&self, value: Option<i64>, default: u32) -> Result<u32, AwsError> {
        value.map_or(Ok(default), |value| self.check(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attribute_values_are_plain_decimals_within_the_limit() {
        assert_eq!(QUEUE_VISIBILITY_TIMEOUT.parse("0"), Some(0));
        assert_eq!(QUEUE_VISIBILITY_TIMEOUT.parse("43200"), Some(43_200));
        for bad in ["", " 6", "6 ", "5.2", "-1", "+6", "43201", "99999999999999999999", "x"] {
            assert_eq!(QUEUE_VISIBILITY_TIMEOUT.parse(bad), None, "{bad:?}");
        }
        assert_eq!(QUEUE_MESSAGE_BYTES.parse("1023"), None);
    }

    #[test]
    fn parameters_outside_the_limit_name_value_and_reason() {
        let refusal = RECEIVE_COUNT.check(11).map_err(|error| error.message().to_owned());
        assert_eq!(
            refusal,
            Err("Value 11 for parameter MaxNumberOfMessages is invalid. \
                 Reason: Must be between 1 and 10, if provided."
                .to_owned())
        );
        assert_eq!(RECEIVE_WAIT.check(20).ok(), Some(20));
        assert!(RECEIVE_WAIT.check(-1).is_err());
        assert_eq!(RECEIVE_WAIT.check_or(None, 7).ok(), Some(7));
    }
}
