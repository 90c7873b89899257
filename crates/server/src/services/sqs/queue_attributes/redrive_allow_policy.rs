//! The `RedriveAllowPolicy` attribute (contract §3.4): which queues may use this one as their dead-letter queue.

use serde::Serialize;
use serde_json::{Map, Value};
use sluice_wire::AwsError;

use super::super::arn;
use super::super::errors;
use super::super::limits::REDRIVE_SOURCES_MAX;
use crate::broker::{Queue, QueueKey};

const NAME: &str = "RedriveAllowPolicy";

/// A well-formed redrive allow policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "redrivePermission", rename_all = "camelCase")]
pub(super) enum RedriveAllowPolicy {
    /// Any queue of the account and region.
    AllowAll,
    /// No queue.
    DenyAll,
    /// The listed queues.
    #[serde(rename_all = "camelCase")]
    ByQueue {
        /// Their names.
        source_queue_arns: Vec<String>,
    },
}

impl RedriveAllowPolicy {
    /// Reads a redrive allow policy. An empty text removes it.
    ///
    /// # Errors
    /// `InvalidAttributeValue` when it is malformed, `InvalidParameterValue` when permission and
    /// sources contradict each other.
    pub(super) fn parse(text: &str) -> Result<Option<Self>, AwsError> {
        if text.is_empty() {
            return Ok(None);
        }
        let (permission, sources) = members(text).ok_or_else(|| {
            let reason = "Amazon SQS can't create the redrive allow policy, as it\u{2019}s in an \
                          unsupported format.";
            errors::invalid_attribute_value_because(NAME, reason)
        })?;
        let refuse = |reason: &str| {
            let reason = format!("Amazon SQS can't create the redrive allow policy. {reason}");
            Err(errors::invalid_value(text, NAME, &reason))
        };
        let policy = match permission {
            Permission::AllowAll => Self::AllowAll,
            Permission::DenyAll => Self::DenyAll,
            Permission::ByQueue => Self::ByQueue { source_queue_arns: sources.clone() },
        };
        match (permission, sources.len()) {
            (Permission::ByQueue, 0) => refuse(
                "When you specify the byQueue permission type, you must also specify one or more \
                 sourceQueueArns values.",
            ),
            (Permission::ByQueue, count) if count > REDRIVE_SOURCES_MAX => {
                refuse("The maximum number of source queue ARNs you can specify is 10.")
            }
            (Permission::AllowAll | Permission::DenyAll, 1..) => refuse(
                "To specify one or more source queue ARNs, you must set redrivePermission to \
                 byQueue.",
            ),
            (Permission::AllowAll | Permission::DenyAll | Permission::ByQueue, _) => {
                Ok(Some(policy))
            }
        }
    }

    /// The policy of a queue; without one, every source is allowed.
    pub(super) fn of(queue: &Queue) -> Self {
        let text = queue.attributes.redrive_allow_policy.as_deref().unwrap_or_default();
        Self::parse(text).ok().flatten().unwrap_or(Self::AllowAll)
    }

    /// Writes the policy as it is stored and reported: compact, permission first.
    pub(super) fn canonical(&self) -> String {
        serde_json::to_string(self).expect("texts always serialize")
    }

    /// Says whether a queue may use the owner of this policy as its dead-letter queue.
    pub(super) fn allows(&self, source: &QueueKey) -> bool {
        match self {
            Self::AllowAll => true,
            Self::DenyAll => false,
            Self::ByQueue { source_queue_arns } => {
                source_queue_arns.iter().any(|text| arn::parse(text).as_ref() == Some(source))
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Permission {
    AllowAll,
    DenyAll,
    ByQueue,
}

/// Reads permission and sources; `None` when the text is in no supported format.
fn members(text: &str) -> Option<(Permission, Vec<String>)> {
    let policy: Map<String, Value> = serde_json::from_str(text).ok()?;
    let permission = match policy.get("redrivePermission")?.as_str()? {
        "allowAll" => Permission::AllowAll,
        "denyAll" => Permission::DenyAll,
        "byQueue" => Permission::ByQueue,
        _ => return None,
    };
    let known = 1 + usize::from(policy.contains_key("sourceQueueArns"));
    if policy.len() != known {
        return None;
    }
    let sources = match policy.get("sourceQueueArns") {
        None => Vec::new(),
        Some(sources) => sources.as_array()?.iter().map(source_arn).collect::<Option<_>>()?,
    };
    Some((permission, sources))
}

fn source_arn(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    arn::parse(text)?;
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture;
    use super::*;

    const ARN: &str = "arn:aws:sqs:us-east-1:000000000000:q";

    fn parsed(text: &str) -> RedriveAllowPolicy {
        RedriveAllowPolicy::parse(text).expect("valid").expect("not empty")
    }

    fn by_queue(count: usize) -> String {
        let sources = vec![format!("{ARN:?}"); count].join(",");
        format!(r#"{{"redrivePermission":"byQueue","sourceQueueArns":[{sources}]}}"#)
    }

    #[test]
    fn the_canonical_form_is_compact() {
        let spaced =
            format!(r#"{{ "sourceQueueArns": ["{ARN}"], "redrivePermission": "byQueue" }}"#);
        assert_eq!(parsed(&spaced).canonical(), by_queue(1));
        for text in [r#"{"redrivePermission":"allowAll"}"#, r#"{"redrivePermission":"denyAll"}"#] {
            assert_eq!(parsed(text).canonical(), text);
        }
        assert_eq!(RedriveAllowPolicy::parse("").expect("valid"), None);
    }

    #[test]
    fn permission_and_sources_belong_together() {
        let because = |text: &str, reason: &str| {
            let error = RedriveAllowPolicy::parse(text).expect_err("refused");
            assert_eq!(error.shape().query_code, "InvalidParameterValue");
            assert_eq!(
                error.message(),
                format!(
                    "Value {text} for parameter RedriveAllowPolicy is invalid. Reason: Amazon SQS \
                     can't create the redrive allow policy. {reason}"
                )
            );
        };
        because(
            r#"{"redrivePermission":"byQueue"}"#,
            "When you specify the byQueue permission type, you must also specify one or more \
             sourceQueueArns values.",
        );
        because(
            &by_queue(1).replace("byQueue", "allowAll"),
            "To specify one or more source queue ARNs, you must set redrivePermission to byQueue.",
        );
        because(&by_queue(11), "The maximum number of source queue ARNs you can specify is 10.");
        assert!(RedriveAllowPolicy::parse(&by_queue(10)).is_ok());
    }

    #[test]
    fn malformed_policies_are_refused() {
        for text in [
            "nonsense",
            "[]",
            "{}",
            r#"{"redrivePermission":"some"}"#,
            r#"{"redrivePermission":"allowAll","a":1}"#,
            r#"{"redrivePermission":"byQueue","sourceQueueArns":"x"}"#,
            r#"{"redrivePermission":"byQueue","sourceQueueArns":["x"]}"#,
        ] {
            let error = RedriveAllowPolicy::parse(text).expect_err(text);
            assert_eq!(
                error.message(),
                "Invalid value for the parameter RedriveAllowPolicy. Reason: Amazon SQS can't \
                 create the redrive allow policy, as it’s in an unsupported format."
            );
        }
    }

    #[test]
    fn only_listed_sources_are_allowed() {
        let policy = parsed(&by_queue(1));
        assert!(policy.allows(&fixture::key("q")));
        assert!(!policy.allows(&fixture::key("other")));
        assert!(RedriveAllowPolicy::AllowAll.allows(&fixture::key("other")));
        assert!(!RedriveAllowPolicy::DenyAll.allows(&fixture::key("q")));
    }
}
