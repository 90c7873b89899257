//! The limits of SQS: one row each, with the parameter name that the error text prints.

use sluice_wire::AwsError;

use super::errors;
use crate::broker::RECEIVE_COUNT_MAX;

/// The limits that a configuration can raise above those of SQS; every other one is a constant below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest `DelaySeconds` of a message or a queue, s.
    pub delay_secs_max: u32,
    /// Longest visibility timeout, s; also the longest time since the receive.
    pub visibility_timeout_secs_max: u32,
    /// Longest `MessageRetentionPeriod`, s.
    pub retention_secs_max: u32,
    /// Entries of one batch request.
    pub batch_entries_max: u32,
    /// Messages of one receive.
    pub receive_count_max: u32,
}

/// Range of a queue attribute. Its error text names the attribute only.
#[derive(Debug, Clone, Copy)]
pub(super) struct AttributeLimit {
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
    /// What the error text gives as the reason, from smallest and largest value.
    pub(super) reason: fn(u32, u32) -> String,
}

impl Limits {
    /// What SQS allows (contract §2, §3.1).
    pub const SQS: Self = Self {
        delay_secs_max: 900,
        visibility_timeout_secs_max: 43_200,
        retention_secs_max: 1_209_600,
        batch_entries_max: 10,
        receive_count_max: 10,
    };

    /// The most that can be configured: a year, and as many messages at once as the broker has at hand.
    pub const LARGEST: Self = Self {
        delay_secs_max: 31_536_000,
        visibility_timeout_secs_max: 31_536_000,
        retention_secs_max: 31_536_000,
        batch_entries_max: RECEIVE_COUNT_MAX,
        receive_count_max: RECEIVE_COUNT_MAX,
    };

    /// `VisibilityTimeout` of a queue.
    pub(super) fn queue_visibility_timeout(&self) -> AttributeLimit {
        attribute(0, self.visibility_timeout_secs_max)
    }

    /// `DelaySeconds` of a queue.
    pub(super) fn queue_delay(&self) -> AttributeLimit {
        attribute(0, self.delay_secs_max)
    }

    /// `MessageRetentionPeriod`.
    pub(super) fn queue_retention(&self) -> AttributeLimit {
        attribute(60, self.retention_secs_max)
    }

    /// `DelaySeconds` of a message to a queue with this retention.
    pub(super) fn delay(&self, retention_secs: u32) -> ParameterLimit {
        let max = self.delay_secs_max.min(delay_secs_max_within(retention_secs));
        parameter("DelaySeconds", 0, max, |min, max| {
            format!("DelaySeconds must be >= {min} and <= {max}.")
        })
    }

    /// `MaxNumberOfMessages` of a receive.
    pub(super) fn receive_count(&self) -> ParameterLimit {
        parameter("MaxNumberOfMessages", 1, self.receive_count_max, between)
    }

    /// `VisibilityTimeout` of a receive.
    pub(super) fn receive_visibility_timeout(&self) -> ParameterLimit {
        let max = self.visibility_timeout_secs_max;
        parameter("VisibilityTimeout", 0, max, at_least_and_at_most)
    }

    /// `VisibilityTimeout` of `ChangeMessageVisibility`.
    pub(super) fn change_visibility_timeout(&self) -> ParameterLimit {
        parameter("VisibilityTimeout", 0, self.visibility_timeout_secs_max, |min, max| {
            format!("Must be between {min} and {max}.")
        })
    }
}

const fn attribute(min: u32, max: u32) -> AttributeLimit {
    AttributeLimit { min, max }
}

const fn parameter(
    parameter: &'static str,
    min: u32,
    max: u32,
    reason: fn(u32, u32) -> String,
) -> ParameterLimit {
    ParameterLimit { parameter, min, max, reason }
}

fn at_least_and_at_most(min: u32, max: u32) -> String {
    format!("Must be >= {min} and <= {max}, if provided.")
}

fn between(min: u32, max: u32) -> String {
    format!("Must be between {min} and {max}, if provided.")
}

/// The longest delay that ends before the retention does. What SQS allows is always allowed, as it does not compare the two.
pub(super) fn delay_secs_max_within(retention_secs: u32) -> u32 {
    retention_secs.saturating_sub(1).max(Limits::SQS.delay_secs_max)
}

// Queue attributes, contract §3.1.
pub(super) const QUEUE_MESSAGE_BYTES: AttributeLimit = attribute(1024, 1_048_576);
pub(super) const QUEUE_RECEIVE_WAIT: AttributeLimit = attribute(0, 20);
pub(super) const QUEUE_KMS_DATA_KEY_REUSE: AttributeLimit = attribute(60, 86_400);

/// `WaitTimeSeconds` of a receive (contract §2.10).
pub(super) const RECEIVE_WAIT: ParameterLimit =
    parameter("WaitTimeSeconds", 0, 20, at_least_and_at_most);
/// `MaxNumberOfMessagesPerSecond` of a move task (contract §7.1).
pub(super) const MOVE_RATE: ParameterLimit =
    parameter("MaxNumberOfMessagesPerSecond", 1, 500, between);
/// `MaxResults` of `ListMessageMoveTasks` (contract §7.1).
pub(super) const MOVE_TASKS: ParameterLimit = parameter("MaxResults", 1, 10, between);

/// Longest queue name, `.fifo` included.
pub(super) const QUEUE_NAME_CHARS_MAX: usize = 80;
/// Queue URLs on one page, and without paging.
pub(super) const LIST_QUEUES_MAX: u32 = 1000;
/// Time before the name of a deleted queue can be used again, ms.
pub(super) const RECREATE_LOCK_MS: u64 = 60_000;
/// Time between two purges of a queue, ms.
pub(super) const PURGE_LOCK_MS: u64 = 60_000;
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
pub(super) const RECEIVES_BEFORE_MOVE: std::ops::RangeInclusive<u32> = 1..=1000;
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
        u32::try_from(value).ok().filter(|value| (self.min..=self.max).contains(value)).ok_or_else(
            || {
                let reason = (self.reason)(self.min, self.max);
                errors::invalid_value(value, self.parameter, &reason)
            },
        )
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
        let timeout = Limits::SQS.queue_visibility_timeout();
        assert_eq!(timeout.parse("0"), Some(0));
        assert_eq!(timeout.parse("43200"), Some(43_200));
        for bad in ["", " 6", "6 ", "5.2", "-1", "+6", "43201", "99999999999999999999", "x"] {
            assert_eq!(timeout.parse(bad), None, "{bad:?}");
        }
        assert_eq!(QUEUE_MESSAGE_BYTES.parse("1023"), None);
    }

    #[test]
    fn parameters_outside_the_limit_name_value_and_reason() {
        let text = |limit: ParameterLimit, value: i64| {
            limit.check(value).map_err(|error| error.message().to_owned())
        };
        assert_eq!(
            text(Limits::SQS.receive_count(), 11),
            Err("Value 11 for parameter MaxNumberOfMessages is invalid. \
                 Reason: Must be between 1 and 10, if provided."
                .to_owned())
        );
        assert_eq!(RECEIVE_WAIT.check(20).ok(), Some(20));
        assert!(RECEIVE_WAIT.check(-1).is_err());
        assert_eq!(RECEIVE_WAIT.check_or(None, 7).ok(), Some(7));
    }

    #[test]
    fn a_raised_limit_has_the_same_text_with_another_number() {
        let text = |limit: ParameterLimit| {
            let error = limit.check(i64::from(limit.max) + 1).expect_err("refused");
            let (_, reason) = error.message().split_once("Reason: ").expect("a reason");
            reason.to_owned()
        };
        let retention_secs = Limits::LARGEST.retention_secs_max;
        for (sqs, raised) in [
            (Limits::SQS.delay(retention_secs), Limits::LARGEST.delay(retention_secs)),
            (Limits::SQS.receive_count(), Limits::LARGEST.receive_count()),
            (
                Limits::SQS.receive_visibility_timeout(),
                Limits::LARGEST.receive_visibility_timeout(),
            ),
            (Limits::SQS.change_visibility_timeout(), Limits::LARGEST.change_visibility_timeout()),
        ] {
            assert!(raised.max > sqs.max, "{}", sqs.parameter);
            let renumbered = text(sqs).replace(&sqs.max.to_string(), &raised.max.to_string());
            assert_eq!(text(raised), renumbered);
        }
    }

    #[test]
    fn a_delay_beyond_what_sqs_allows_ends_before_the_retention() {
        let raised = Limits { delay_secs_max: 2_000_000, ..Limits::SQS };
        assert_eq!(raised.delay(345_600).max, 345_599);
        assert_eq!(raised.delay(31_536_000).max, 2_000_000);
        assert_eq!(raised.delay(60).max, 900);
        assert_eq!(Limits::SQS.delay(60).max, 900);
        assert_eq!(Limits::SQS.delay(345_600).max, 900);
    }
}
