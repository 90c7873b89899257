//! The `Policy` attribute as a list of statements that have labels (contract §8.1, §8.2).

use serde_json::{Map, Value};
use sluice_wire::AwsError;

use super::super::errors;
use super::policy;
use crate::broker::QueueKey;

/// Keys of a policy in the order in which they are written; others follow by name.
const POLICY_KEYS: &[&str] = &["Version", "Id", "Statement"];
/// Keys of a statement in the order in which they are written; others follow by name.
const STATEMENT_KEYS: &[&str] = &[
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

/// A statement of a policy.
pub(in super::super) type Statement = Map<String, Value>;

/// A policy, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct PolicyDocument {
    /// All but the statements.
    rest: Map<String, Value>,
    /// The statements, in order.
    pub(in super::super) statements: Vec<Statement>,
}

impl PolicyDocument {
    /// Takes the policy of a queue apart; without one, begins the policy that SQS generates.
    ///
    /// # Errors
    /// `InvalidAttributeValue` when the text is no policy.
    pub(in super::super) fn parse(key: &QueueKey, policy: Option<&str>) -> Result<Self, AwsError> {
        let Some(text) = policy else { return Ok(Self::empty(key)) };
        take_apart(text).ok_or_else(|| errors::invalid_attribute_value("Policy"))
    }

    fn empty(key: &QueueKey) -> Self {
        let id = format!("{}/SQSDefaultPolicy", key.arn());
        let rest = [("Version", "2008-10-17"), ("Id", id.as_str())];
        let rest = rest.map(|(name, text)| (name.to_owned(), Value::from(text)));
        Self { rest: rest.into_iter().collect(), statements: Vec::new() }
    }

    /// Finds the statement with a label.
    pub(in super::super) fn labelled(&self, label: &str) -> Option<&Statement> {
        self.statements.iter().find(|statement| has_label(statement, label))
    }

    /// Removes the statements with a label.
    pub(in super::super) fn remove(&mut self, label: &str) {
        self.statements.retain(|statement| !has_label(statement, label));
    }

    /// Writes the policy as it is stored: compact, without text when no statement is left.
    ///
    /// # Errors
    /// Those of a policy that is set: it is too long or has too much of something.
    pub(in super::super) fn to_text(&self) -> Result<Option<String>, AwsError> {
        if self.statements.is_empty() {
            return Ok(None);
        }
        let statements = self.statements.iter().map(|statement| {
            let members = statement.iter().map(|(name, value)| (name.as_str(), value.to_string()));
            object(STATEMENT_KEYS, members.collect())
        });
        let statements = format!("[{}]", statements.collect::<Vec<_>>().join(","));
        let rest = self.rest.iter().map(|(name, value)| (name.as_str(), value.to_string()));
        let members = rest.chain([("Statement", statements)]).collect();
        policy::parse(&object(POLICY_KEYS, members))
    }
}

fn take_apart(text: &str) -> Option<PolicyDocument> {
    let mut rest: Map<String, Value> = serde_json::from_str(text).ok()?;
    let statements = match rest.remove("Statement")? {
        Value::Array(statements) => statements,
        statement @ Value::Object(_) => vec![statement],
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
    };
    let statements = statements.into_iter().map(|statement| match statement {
        Value::Object(statement) => Some(statement),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            None
        }
    });
    Some(PolicyDocument { rest, statements: statements.collect::<Option<_>>()? })
}

fn has_label(statement: &Statement, label: &str) -> bool {
    statement.get("Sid").and_then(Value::as_str) == Some(label)
}

/// Writes an object whose known keys come first, in this order.
fn object(order: &[&str], mut members: Vec<(&str, String)>) -> String {
    members.sort_by_key(|(name, _)| {
        let place = order.iter().position(|known| known == name);
        place.unwrap_or(order.len())
    });
    let members = members.iter().map(|(name, json)| format!("{}:{json}", Value::from(*name)));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture;
    use super::*;

    #[test]
    fn a_policy_is_written_compactly_in_a_fixed_key_order() {
        let sent = r#"{ "Statement": {"Resource":"*","Action":"sqs:*","Principal":"*","Effect":"Deny"},
            "Id": "mine" }"#;
        let policy = PolicyDocument::parse(&fixture::key("q"), Some(sent)).expect("a policy");
        assert_eq!(
            policy.to_text().expect("within limits").as_deref(),
            Some(
                r#"{"Id":"mine","Statement":[{"Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"*"}]}"#
            )
        );
    }

    #[test]
    fn a_policy_without_statements_is_none() {
        let policy = PolicyDocument::parse(&fixture::key("q"), None).expect("empty");
        assert_eq!(policy.to_text().ok(), Some(None));
    }

    #[test]
    fn what_is_no_policy_is_refused() {
        for text in ["x", "{}", r#"{"Statement":1}"#, r#"{"Statement":[1]}"#] {
            assert!(PolicyDocument::parse(&fixture::key("q"), Some(text)).is_err(), "{text}");
        }
    }
}
