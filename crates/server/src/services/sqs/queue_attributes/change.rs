//! Attributes that a request gives: checked against the table, then applied to a queue or compared with one.

use std::collections::BTreeMap;

use sluice_wire::AwsError;

use super::super::errors;
use super::super::limits::{Limits, delay_secs_max_within};
use super::redrive_policy::RedrivePolicy;
use super::table::{Assign, Echo, Row, Scope, TABLE, boolean, row};
use crate::broker::{DeduplicationScope, FifoThroughputLimit, Queue, QueueAttributes, QueueKind};

/// Attributes on the wire, by name.
pub(in super::super) type AttributeTexts = BTreeMap<String, String>;

/// Attributes to set, whose names are right for the kind of queue and whose values are well-formed.
pub(in super::super) struct AttributeChanges {
    given: Vec<(&'static Row, Assign, String)>,
    limits: Limits,
}

impl AttributeChanges {
    /// Checks the names of the attributes that a request gives, then each value by itself.
    ///
    /// # Errors
    /// `InvalidAttributeName` for unknown, read-only and, on a standard queue, FIFO attributes; `InvalidAttributeValue`, or
    /// `InvalidParameterValue` from the JSON documents.
    pub(in super::super) fn parse(
        kind: QueueKind,
        mut texts: AttributeTexts,
        limits: Limits,
    ) -> Result<Self, AwsError> {
        if let Some(unknown) = texts.keys().find(|name| row(name).is_none()) {
            return Err(errors::unknown_attribute(unknown));
        }
        if has_kms_key(&texts) && has_sqs_managed_sse(&texts) {
            return Err(errors::invalid_attribute_name(
                "You can use one type of server-side encryption (SSE) at one time. You can either \
                 enable KMS SSE or SQS SSE.",
            ));
        }
        let mut given = Vec::with_capacity(texts.len());
        for row in TABLE {
            let Some(text) = texts.remove(row.name) else { continue };
            match (row.scope, row.assign) {
                (_, Assign::Never) => return Err(errors::unknown_attribute(row.name)),
                (Scope::FifoQueue(refuse), _) if kind == QueueKind::Standard => {
                    return Err(refuse(row.name));
                }
                (_, assign) => given.push((row, assign, text)),
            }
        }
        let changes = Self { given, limits };
        changes.assign(&mut QueueAttributes::default())?;
        Ok(changes)
    }

    /// The `RedrivePolicy` among them, whose target has to be looked up.
    ///
    /// # Errors
    /// Those of a malformed policy.
    pub(in super::super) fn redrive_policy(&self) -> Result<Option<RedrivePolicy>, AwsError> {
        match self.given.iter().find(|(row, ..)| row.name == "RedrivePolicy") {
            Some((_, _, text)) => RedrivePolicy::parse(text),
            None => Ok(None),
        }
    }

    /// Sets the attributes.
    ///
    /// # Errors
    /// `InvalidAttributeValue` when attributes of the queue contradict each other afterwards.
    pub(in super::super) fn apply(&self, to: &mut QueueAttributes) -> Result<(), AwsError> {
        self.assign(to)?;
        if to.delay_secs > delay_secs_max_within(to.retention_secs)
            && let Some(name) = self.first_given(&["DelaySeconds", "MessageRetentionPeriod"])
        {
            return Err(errors::invalid_attribute_value(name));
        }
        let is_per_group = to.fifo_throughput_limit == FifoThroughputLimit::PerMessageGroupId;
        if is_per_group && to.deduplication_scope == DeduplicationScope::Queue {
            return Err(errors::invalid_attribute_value("FifoThroughputLimit"));
        }
        Ok(())
    }

    /// Names the first attribute among them whose value in `wanted` is not the one in `current`.
    pub(in super::super) fn first_difference(
        &self,
        wanted: &Queue,
        current: &Queue,
    ) -> Option<&'static str> {
        let differs = |row: &Row| match row.echo {
            Echo::Setting(echo) => echo(wanted) != echo(current),
            Echo::Counter(_) => false,
        };
        self.given.iter().map(|(row, ..)| *row).find(|row| differs(row)).map(|row| row.name)
    }

    fn assign(&self, to: &mut QueueAttributes) -> Result<(), AwsError> {
        for (row, assign, text) in &self.given {
            match assign {
                Assign::Never => return Err(errors::unknown_attribute(row.name)),
                Assign::Value(assign) => {
                    let assigned = assign(to, text, &self.limits);
                    assigned.ok_or_else(|| errors::invalid_attribute_value(row.name))?;
                }
                Assign::Document(assign) => assign(to, text)?,
            }
        }
        Ok(())
    }

    fn first_given(&self, names: &[&str]) -> Option<&'static str> {
        self.given.iter().map(|(row, ..)| row.name).find(|name| names.contains(name))
    }
}

/// Reads the kind of queue that the attributes of `CreateQueue` ask for.
///
/// # Errors
/// `InvalidAttributeValue` when `FifoQueue` is no boolean.
pub(in super::super) fn kind_asked_for(texts: &AttributeTexts) -> Result<QueueKind, AwsError> {
    match texts.get("FifoQueue").map(|text| boolean(text)) {
        None | Some(Some(false)) => Ok(QueueKind::Standard),
        Some(Some(true)) => Ok(QueueKind::Fifo),
        Some(None) => Err(errors::invalid_attribute_value("FifoQueue")),
    }
}

fn has_kms_key(texts: &AttributeTexts) -> bool {
    texts.get("KmsMasterKeyId").is_some_and(|key| !key.is_empty())
}

fn has_sqs_managed_sse(texts: &AttributeTexts) -> bool {
    texts.get("SqsManagedSseEnabled").and_then(|text| boolean(text)) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture;
    use super::*;
    use crate::broker::Redrive;

    fn texts(pairs: &[(&str, &str)]) -> AttributeTexts {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    fn apply(
        kind: QueueKind,
        to: &mut QueueAttributes,
        pairs: &[(&str, &str)],
    ) -> Result<(), String> {
        AttributeChanges::parse(kind, texts(pairs), Limits::SQS)
            .and_then(|changes| changes.apply(to))
            .map_err(|error| format!("{}: {}", error.shape().query_code, error.message()))
    }

    fn applied(kind: QueueKind, pairs: &[(&str, &str)]) -> Result<QueueAttributes, String> {
        let mut attributes = QueueAttributes::default();
        apply(kind, &mut attributes, pairs).map(|()| attributes)
    }

    #[test]
    fn numbers_within_their_limits_are_set() {
        let attributes = applied(
            QueueKind::Standard,
            &[
                ("VisibilityTimeout", "0"),
                ("DelaySeconds", "900"),
                ("MaximumMessageSize", "1024"),
                ("MessageRetentionPeriod", "1209600"),
                ("ReceiveMessageWaitTimeSeconds", "20"),
            ],
        )
        .expect("valid");
        assert_eq!(attributes.visibility_timeout_secs, 0);
        assert_eq!(attributes.delay_secs, 900);
        assert_eq!(attributes.message_bytes_max, 1024);
        assert_eq!(attributes.retention_secs, 1_209_600);
        assert_eq!(attributes.receive_wait_secs, 20);
    }

    #[test]
    fn values_outside_their_limits_are_refused() {
        for (name, text) in [
            ("VisibilityTimeout", "43201"),
            ("DelaySeconds", "901"),
            ("MaximumMessageSize", "1048577"),
            ("MessageRetentionPeriod", "59"),
            ("ReceiveMessageWaitTimeSeconds", ""),
            ("KmsDataKeyReusePeriodSeconds", "59"),
            ("SqsManagedSseEnabled", "yes"),
        ] {
            assert_eq!(
                applied(QueueKind::Standard, &[(name, text)]),
                Err(format!("InvalidAttributeValue: Invalid value for the parameter {name}."))
            );
        }
    }

    #[test]
    fn unknown_read_only_and_fifo_attributes_of_a_standard_queue_are_refused() {
        let unknown = |name| Err(format!("InvalidAttributeName: Unknown Attribute {name}."));
        let only_fifo = |name| {
            Err(format!(
                "InvalidAttributeName: You can specify the {name} only when FifoQueue is set to \
                 true."
            ))
        };
        let standard = |name| applied(QueueKind::Standard, &[(name, "false")]);
        assert_eq!(standard("Nonsense"), unknown("Nonsense"));
        assert_eq!(standard("QueueArn"), unknown("QueueArn"));
        assert_eq!(standard("ApproximateNumberOfMessages"), unknown("ApproximateNumberOfMessages"));
        assert_eq!(standard("FifoQueue"), unknown("FifoQueue"));
        assert_eq!(standard("ContentBasedDeduplication"), unknown("ContentBasedDeduplication"));
        assert_eq!(standard("DeduplicationScope"), only_fifo("DeduplicationScope"));
        assert_eq!(standard("FifoThroughputLimit"), only_fifo("FifoThroughputLimit"));
    }

    #[test]
    fn the_type_of_a_fifo_queue_is_fixed() {
        assert!(applied(QueueKind::Fifo, &[("FifoQueue", "True")]).is_ok());
        assert_eq!(
            applied(QueueKind::Fifo, &[("FifoQueue", "false")]),
            Err("InvalidAttributeValue: Invalid value for the parameter FifoQueue. Reason: \
                 Modifying queue type is not supported."
                .to_owned())
        );
    }

    #[test]
    fn throughput_per_group_needs_deduplication_per_group() {
        let per_group = ("FifoThroughputLimit", "perMessageGroupId");
        assert_eq!(
            applied(QueueKind::Fifo, &[per_group]),
            Err("InvalidAttributeValue: Invalid value for the parameter FifoThroughputLimit."
                .to_owned())
        );
        let scope = ("DeduplicationScope", "messageGroup");
        assert!(applied(QueueKind::Fifo, &[scope]).is_ok());
        assert!(applied(QueueKind::Fifo, &[per_group, scope]).is_ok());
    }

    #[test]
    fn a_kms_key_and_sqs_managed_encryption_displace_each_other() {
        let key = ("KmsMasterKeyId", "nonsense");
        let mut attributes = applied(QueueKind::Standard, &[key]).expect("valid");
        assert!(!attributes.is_sqs_managed_sse_enabled);
        apply(QueueKind::Standard, &mut attributes, &[("SqsManagedSseEnabled", "TRUE")])
            .expect("valid");
        assert_eq!(attributes, QueueAttributes::default());
        assert_eq!(
            applied(QueueKind::Standard, &[key, ("SqsManagedSseEnabled", "true")]),
            Err("InvalidAttributeName: You can use one type of server-side encryption (SSE) at \
                 one time. You can either enable KMS SSE or SQS SSE."
                .to_owned())
        );
        assert!(applied(QueueKind::Standard, &[key, ("SqsManagedSseEnabled", "false")]).is_ok());
    }

    #[test]
    fn a_delay_beyond_what_sqs_allows_has_to_end_before_the_retention() {
        let raised = |to: &mut QueueAttributes, pairs: &[(&str, &str)]| {
            AttributeChanges::parse(QueueKind::Standard, texts(pairs), Limits::LARGEST)
                .and_then(|changes| changes.apply(to))
                .map_err(|error| error.message().to_owned())
        };
        let mut queue = QueueAttributes::default();
        assert_eq!(
            raised(&mut queue.clone(), &[("DelaySeconds", "345600")]),
            Err("Invalid value for the parameter DelaySeconds.".to_owned())
        );
        assert_eq!(raised(&mut queue, &[("DelaySeconds", "345599")]), Ok(()));
        assert_eq!(
            raised(&mut queue.clone(), &[("MessageRetentionPeriod", "345599")]),
            Err("Invalid value for the parameter MessageRetentionPeriod.".to_owned())
        );
        // A queue from a time when more was allowed can still be changed otherwise.
        queue.retention_secs = 60;
        assert_eq!(raised(&mut queue, &[("VisibilityTimeout", "5")]), Ok(()));
    }

    #[test]
    fn removing_the_kms_key_leaves_encryption_off() {
        let mut attributes =
            applied(QueueKind::Standard, &[("KmsMasterKeyId", "k")]).expect("valid");
        let removal = [("KmsMasterKeyId", ""), ("KmsDataKeyReusePeriodSeconds", "300")];
        apply(QueueKind::Standard, &mut attributes, &removal).expect("valid");
        assert_eq!(attributes.kms_master_key_id, None);
        assert!(!attributes.is_sqs_managed_sse_enabled);
    }

    #[test]
    fn empty_texts_remove_the_documents() {
        let mut attributes = QueueAttributes {
            policy: Some("{}".to_owned()),
            redrive_policy: Some(Redrive { target: fixture::key("dlq"), receives_max: 3 }),
            redrive_allow_policy: Some("{}".to_owned()),
            ..QueueAttributes::default()
        };
        let removal = [("Policy", ""), ("RedrivePolicy", ""), ("RedriveAllowPolicy", "")];
        apply(QueueKind::Standard, &mut attributes, &removal).expect("valid");
        assert_eq!(attributes, QueueAttributes::default());
    }

    #[test]
    fn the_fifo_attribute_asks_for_the_kind() {
        assert_eq!(kind_asked_for(&texts(&[])).ok(), Some(QueueKind::Standard));
        assert_eq!(kind_asked_for(&texts(&[("FifoQueue", "TRUE")])).ok(), Some(QueueKind::Fifo));
        assert!(kind_asked_for(&texts(&[("FifoQueue", "1")])).is_err());
    }
}
