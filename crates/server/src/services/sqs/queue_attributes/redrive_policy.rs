//! The `RedrivePolicy` attribute (contract §3.3): after how many receives a message moves, and where to.

use serde_json::{Map, Value};
use sluice_wire::AwsError;

use super::super::arn;
use super::super::errors;
use super::super::limits::RECEIVES_BEFORE_MOVE;
use super::redrive_allow_policy::RedriveAllowPolicy;
use crate::broker::{Queue, QueueKey, QueueKind, Redrive};

const NAME: &str = "RedrivePolicy";
const TARGET: &str = "deadLetterTargetArn";
const COUNT: &str = "maxReceiveCount";

/// A well-formed redrive policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct RedrivePolicy {
    /// What it says.
    pub(in super::super) redrive: Redrive,
    /// As submitted, for the texts of later refusals.
    submitted: String,
}

impl RedrivePolicy {
    /// Reads a redrive policy. An empty text removes it.
    ///
    /// # Errors
    /// `InvalidAttributeValue` when it is no JSON object, else `InvalidParameterValue`.
    pub(in super::super) fn parse(text: &str) -> Result<Option<Self>, AwsError> {
        if text.is_empty() {
            return Ok(None);
        }
        let policy: Map<String, Value> = serde_json::from_str(text).map_err(|_| {
            let reason = "Redrive policy is not a valid JSON map.";
            errors::invalid_attribute_value_because(NAME, reason)
        })?;
        let refuse = |reason: &str| errors::invalid_value(text, NAME, reason);
        let mandatory = |attribute: &str| {
            policy.get(attribute).ok_or_else(|| {
                refuse(&format!(
                    "Redrive policy does not contain mandatory attribute: {attribute}."
                ))
            })
        };
        let count = mandatory(COUNT)?;
        let target_arn = mandatory(TARGET)?;
        if policy.len() > 2 {
            return Err(refuse(
                "Only following attributes are supported: [maxReceiveCount, deadLetterTargetArn].",
            ));
        }
        let receives_max = receive_count(count).ok_or_else(|| {
            let shown = count.as_str().map_or_else(|| count.to_string(), str::to_owned);
            refuse(&format!(
                "Invalid value for maxReceiveCount: {shown}, valid values are from 1 to 1000 both \
                 inclusive."
            ))
        })?;
        let target_arn = target_arn.as_str().unwrap_or_default();
        let target = arn::parse(target_arn).ok_or_else(|| {
            refuse("Only SQS queues are valid resources for deadLetterTargetArn.")
        })?;
        Ok(Some(Self { redrive: Redrive { target, receives_max }, submitted: text.to_owned() }))
    }

    /// Writes a policy as it is reported: compact, this key order, count as a number.
    pub(in super::super) fn canonical(redrive: &Redrive) -> String {
        let target = Value::from(redrive.target.arn());
        format!(r#"{{"{TARGET}":{target},"{COUNT}":{}}}"#, redrive.receives_max)
    }

    /// Checks that the target can be the dead-letter queue of the source.
    ///
    /// # Errors
    /// `InvalidParameterValue`.
    pub(in super::super) fn check_target(
        &self,
        source: &QueueKey,
        source_kind: QueueKind,
        target: Option<&Queue>,
    ) -> Result<(), AwsError> {
        let refuse = |reason| Err(errors::invalid_value(&self.submitted, NAME, reason));
        if self.redrive.target.account != source.account {
            return refuse("Dead-letter target owner should be same as the source.");
        }
        if self.redrive.target.region != source.region {
            return refuse("Dead-letter target must be in same region as the source.");
        }
        let Some(target) = target else {
            return refuse("Dead letter target does not exist.");
        };
        if target.kind != source_kind {
            return refuse("Dead-letter queue must be same type of queue as the source..");
        }
        if !RedriveAllowPolicy::of(target).allows(source) {
            return refuse(
                "The redrive allow policy of the dead-letter queue does not allow this source.",
            );
        }
        Ok(())
    }
}

/// Reads `maxReceiveCount`: a JSON number or a decimal string.
fn receive_count(value: &Value) -> Option<u32> {
    let count: u32 = match value {
        Value::Number(number) => number.as_u64()?.try_into().ok()?,
        Value::String(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.parse().ok()?
        }
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            return None;
        }
    };
    RECEIVES_BEFORE_MOVE.contains(&count).then_some(count)
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture;
    use super::*;

    const ARN: &str = "arn:aws:sqs:us-east-1:000000000000:dlq";

    fn refusal(text: &str) -> String {
        let error = RedrivePolicy::parse(text).expect_err("refused");
        format!("{}: {}", error.shape().query_code, error.message())
    }

    fn parsed(text: &str) -> RedrivePolicy {
        RedrivePolicy::parse(text).expect("valid").expect("not empty")
    }

    #[test]
    fn the_canonical_form_is_compact_with_a_number() {
        let canonical = format!(r#"{{"deadLetterTargetArn":"{ARN}","maxReceiveCount":5}}"#);
        for text in [
            format!(r#"{{ "maxReceiveCount": "5", "deadLetterTargetArn": "{ARN}" }}"#),
            format!(r#"{{"deadLetterTargetArn":"{ARN}","maxReceiveCount":5}}"#),
        ] {
            assert_eq!(RedrivePolicy::canonical(&parsed(&text).redrive), canonical);
        }
        assert_eq!(RedrivePolicy::parse("").expect("valid"), None);
    }

    #[test]
    fn malformed_policies_are_refused_in_this_order() {
        let because = |text: &str, reason: &str| {
            assert_eq!(
                refusal(text),
                format!(
                    "InvalidParameterValue: Value {text} for parameter RedrivePolicy is invalid. \
                     Reason: {reason}"
                )
            );
        };
        let no_count = "Redrive policy does not contain mandatory attribute: maxReceiveCount.";
        let no_target = "Redrive policy does not contain mandatory attribute: deadLetterTargetArn.";
        let not_sqs = "Only SQS queues are valid resources for deadLetterTargetArn.";
        because("{}", no_count);
        because(r#"{"deadLetterTargetArn":"x"}"#, no_count);
        because(r#"{"maxReceiveCount":1}"#, no_target);
        because(
            r#"{"maxReceiveCount":1,"deadLetterTargetArn":"x","a":1}"#,
            "Only following attributes are supported: [maxReceiveCount, deadLetterTargetArn].",
        );
        because(r#"{"maxReceiveCount":1,"deadLetterTargetArn":"x"}"#, not_sqs);
        because(r#"{"maxReceiveCount":1,"deadLetterTargetArn":"arn:aws:sns:r:a:n"}"#, not_sqs);
        for count in ["0", "1001", "-1", "1.5", "true"] {
            because(
                &format!(r#"{{"maxReceiveCount":{count},"deadLetterTargetArn":"{ARN}"}}"#),
                &format!(
                    "Invalid value for maxReceiveCount: {count}, valid values are from 1 to 1000 \
                     both inclusive."
                ),
            );
        }
        assert_eq!(
            refusal("[]"),
            "InvalidAttributeValue: Invalid value for the parameter RedrivePolicy. Reason: \
             Redrive policy is not a valid JSON map."
        );
    }

    #[test]
    fn the_target_has_to_fit_the_source() {
        let policy = parsed(&format!(r#"{{"maxReceiveCount":1,"deadLetterTargetArn":"{ARN}"}}"#));
        let source = fixture::key("q");
        let check = |source: &QueueKey, kind, target: Option<&Queue>| {
            let outcome = policy.check_target(source, kind, target);
            outcome.map_err(|error| {
                let text = error.message().to_owned();
                text.split_once("Reason: ").map_or(text.clone(), |(_, reason)| reason.to_owned())
            })
        };
        let standard = fixture::queue("dlq", QueueKind::Standard);
        let fifo = fixture::queue("dlq", QueueKind::Fifo);
        assert_eq!(check(&source, QueueKind::Standard, Some(&standard)), Ok(()));
        let refused = |text: &str| Err(text.to_owned());
        assert_eq!(
            check(&source, QueueKind::Standard, None),
            refused("Dead letter target does not exist.")
        );
        assert_eq!(
            check(&source, QueueKind::Standard, Some(&fifo)),
            refused("Dead-letter queue must be same type of queue as the source..")
        );
        let foreign = QueueKey { account: "111122223333".to_owned(), ..source.clone() };
        assert_eq!(
            check(&foreign, QueueKind::Standard, Some(&standard)),
            refused("Dead-letter target owner should be same as the source.")
        );
        let far = QueueKey { region: "eu-west-1".to_owned(), ..source.clone() };
        assert!(check(&far, QueueKind::Standard, Some(&standard)).is_err());
        let mut closed = standard.clone();
        closed.attributes.redrive_allow_policy =
            Some(r#"{"redrivePermission":"denyAll"}"#.to_owned());
        assert!(check(&source, QueueKind::Standard, Some(&closed)).is_err());
    }
}
