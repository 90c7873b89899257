//! The table of queue attributes: one row each, with how it is set and how it is reported.

use sluice_wire::AwsError;

use super::super::errors;
use super::super::limits::{
    Limits, QUEUE_KMS_DATA_KEY_REUSE, QUEUE_MESSAGE_BYTES, QUEUE_RECEIVE_WAIT,
};
use super::policy;
use super::redrive_allow_policy::RedriveAllowPolicy;
use super::redrive_policy::RedrivePolicy;
use crate::broker::{
    Counters, DeduplicationScope, FifoThroughputLimit, Queue, QueueAttributes, QueueKind,
};

/// `KmsDataKeyReusePeriodSeconds` when there is a key and nothing else was asked for.
const KMS_DATA_KEY_REUSE_SECS_DEFAULT: u32 = 300;

/// One queue attribute.
pub(super) struct Row {
    /// Name on the wire.
    pub(super) name: &'static str,
    /// Queues that have it.
    pub(super) scope: Scope,
    /// How it is set.
    pub(super) assign: Assign,
    /// How it is reported.
    pub(super) echo: Echo,
}

/// Queues that have an attribute.
#[derive(Clone, Copy)]
pub(super) enum Scope {
    /// Both kinds.
    AnyQueue,
    /// FIFO queues; the function words the refusal for standard ones.
    FifoQueue(fn(&str) -> AwsError),
}

/// How an attribute is set.
#[derive(Clone, Copy)]
pub(super) enum Assign {
    /// By nobody.
    Never,
    /// From a short text; `None` refuses it with the general text.
    Value(fn(&mut QueueAttributes, &str, &Limits) -> Option<()>),
    /// From a text whose refusals have texts of their own.
    Document(fn(&mut QueueAttributes, &str) -> Result<(), AwsError>),
}

/// How an attribute is reported.
#[derive(Clone, Copy)]
pub(super) enum Echo {
    /// From the catalog; absent while not set.
    Setting(fn(&Queue) -> Option<String>),
    /// From the counters.
    Counter(fn(&Counters) -> u64),
}

impl Scope {
    /// Says whether queues of this kind have the attribute.
    pub(super) fn includes(self, kind: QueueKind) -> bool {
        match self {
            Self::AnyQueue => true,
            Self::FifoQueue(_) => kind == QueueKind::Fifo,
        }
    }
}

/// Finds the row of an attribute.
pub(super) fn row(name: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.name == name)
}

const fn any(name: &'static str, assign: Assign, echo: Echo) -> Row {
    Row { name, scope: Scope::AnyQueue, assign, echo }
}

const fn fifo(
    name: &'static str,
    otherwise: fn(&str) -> AwsError,
    assign: Assign,
    echo: Echo,
) -> Row {
    Row { name, scope: Scope::FifoQueue(otherwise), assign, echo }
}

/// Every queue attribute. Attributes are applied and compared in this order.
pub(super) static TABLE: &[Row] = &[
    any(
        "VisibilityTimeout",
        Assign::Value(|to, text, limits| {
            to.visibility_timeout_secs = limits.queue_visibility_timeout().parse(text)?;
            Some(())
        }),
        Echo::Setting(|queue| Some(queue.attributes.visibility_timeout_secs.to_string())),
    ),
    any(
        "DelaySeconds",
        Assign::Value(|to, text, limits| {
            to.delay_secs = limits.queue_delay().parse(text)?;
            Some(())
        }),
        Echo::Setting(|queue| Some(queue.attributes.delay_secs.to_string())),
    ),
    any(
        "MaximumMessageSize",
        Assign::Value(|to, text, _| {
            to.message_bytes_max = QUEUE_MESSAGE_BYTES.parse(text)?;
            Some(())
        }),
        Echo::Setting(|queue| Some(queue.attributes.message_bytes_max.to_string())),
    ),
    any(
        "MessageRetentionPeriod",
        Assign::Value(|to, text, limits| {
            to.retention_secs = limits.queue_retention().parse(text)?;
            Some(())
        }),
        Echo::Setting(|queue| Some(queue.attributes.retention_secs.to_string())),
    ),
    any(
        "ReceiveMessageWaitTimeSeconds",
        Assign::Value(|to, text, _| {
            to.receive_wait_secs = QUEUE_RECEIVE_WAIT.parse(text)?;
            Some(())
        }),
        Echo::Setting(|queue| Some(queue.attributes.receive_wait_secs.to_string())),
    ),
    any(
        "Policy",
        Assign::Document(|to, text| {
            to.policy = policy::parse(text)?;
            Ok(())
        }),
        Echo::Setting(|queue| queue.attributes.policy.clone()),
    ),
    any(
        "RedrivePolicy",
        Assign::Document(|to, text| {
            to.redrive_policy = RedrivePolicy::parse(text)?.map(|policy| policy.redrive);
            Ok(())
        }),
        Echo::Setting(|queue| {
            queue.attributes.redrive_policy.as_ref().map(RedrivePolicy::canonical)
        }),
    ),
    any(
        "RedriveAllowPolicy",
        Assign::Document(|to, text| {
            let policy = RedriveAllowPolicy::parse(text)?;
            to.redrive_allow_policy = policy.map(|policy| policy.canonical());
            Ok(())
        }),
        Echo::Setting(|queue| queue.attributes.redrive_allow_policy.clone()),
    ),
    // The three encryption attributes displace each other (contract §3.2).
    any(
        "KmsMasterKeyId",
        Assign::Value(|to, text, _| {
            if text.is_empty() {
                to.kms_master_key_id = None;
                to.kms_data_key_reuse_secs = None;
            } else {
                to.kms_master_key_id = Some(text.to_owned());
                to.is_sqs_managed_sse_enabled = false;
            }
            Some(())
        }),
        Echo::Setting(|queue| queue.attributes.kms_master_key_id.clone()),
    ),
    any(
        "KmsDataKeyReusePeriodSeconds",
        Assign::Value(|to, text, _| {
            to.kms_data_key_reuse_secs = Some(QUEUE_KMS_DATA_KEY_REUSE.parse(text)?);
            Some(())
        }),
        Echo::Setting(|queue| {
            queue.attributes.kms_master_key_id.as_ref()?;
            let secs = queue.attributes.kms_data_key_reuse_secs;
            Some(secs.unwrap_or(KMS_DATA_KEY_REUSE_SECS_DEFAULT).to_string())
        }),
    ),
    any(
        "SqsManagedSseEnabled",
        Assign::Value(|to, text, _| {
            to.is_sqs_managed_sse_enabled = boolean(text)?;
            if to.is_sqs_managed_sse_enabled {
                to.kms_master_key_id = None;
                to.kms_data_key_reuse_secs = None;
            }
            Some(())
        }),
        Echo::Setting(|queue| Some(queue.attributes.is_sqs_managed_sse_enabled.to_string())),
    ),
    fifo(
        "FifoQueue",
        errors::unknown_attribute,
        Assign::Document(|_, text| match boolean(text) {
            Some(true) => Ok(()),
            Some(false) => Err(errors::invalid_attribute_value_because(
                "FifoQueue",
                "Modifying queue type is not supported.",
            )),
            None => Err(errors::invalid_attribute_value("FifoQueue")),
        }),
        Echo::Setting(|_| Some(true.to_string())),
    ),
    fifo(
        "ContentBasedDeduplication",
        errors::unknown_attribute,
        Assign::Value(|to, text, _| {
            to.is_content_based_deduplication = boolean(text)?;
            Some(())
        }),
        Echo::Setting(|queue| Some(queue.attributes.is_content_based_deduplication.to_string())),
    ),
    fifo(
        "DeduplicationScope",
        errors::only_on_fifo,
        Assign::Value(|to, text, _| {
            to.deduplication_scope = match text {
                "queue" => DeduplicationScope::Queue,
                "messageGroup" => DeduplicationScope::MessageGroup,
                _ => return None,
            };
            Some(())
        }),
        Echo::Setting(|queue| {
            let scope = match queue.attributes.deduplication_scope {
                DeduplicationScope::Queue => "queue",
                DeduplicationScope::MessageGroup => "messageGroup",
            };
            Some(scope.to_owned())
        }),
    ),
    fifo(
        "FifoThroughputLimit",
        errors::only_on_fifo,
        Assign::Value(|to, text, _| {
            to.fifo_throughput_limit = match text {
                "perQueue" => FifoThroughputLimit::PerQueue,
                "perMessageGroupId" => FifoThroughputLimit::PerMessageGroupId,
                _ => return None,
            };
            Some(())
        }),
        Echo::Setting(|queue| {
            let limit = match queue.attributes.fifo_throughput_limit {
                FifoThroughputLimit::PerQueue => "perQueue",
                FifoThroughputLimit::PerMessageGroupId => "perMessageGroupId",
            };
            Some(limit.to_owned())
        }),
    ),
    any("QueueArn", Assign::Never, Echo::Setting(|queue| Some(queue.key.arn()))),
    any(
        "CreatedTimestamp",
        Assign::Never,
        Echo::Setting(|queue| Some((queue.created_at_ms / 1000).to_string())),
    ),
    any(
        "LastModifiedTimestamp",
        Assign::Never,
        Echo::Setting(|queue| Some((queue.modified_at_ms / 1000).to_string())),
    ),
    any("ApproximateNumberOfMessages", Assign::Never, Echo::Counter(|counters| counters.visible)),
    any(
        "ApproximateNumberOfMessagesNotVisible",
        Assign::Never,
        Echo::Counter(|counters| counters.in_flight),
    ),
    any(
        "ApproximateNumberOfMessagesDelayed",
        Assign::Never,
        Echo::Counter(|counters| counters.delayed),
    ),
];

/// Reads a boolean attribute value; case does not matter.
pub(super) fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}
