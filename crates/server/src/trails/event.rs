//! A recorded event, as selectors look at it.

use serde_json::Value;

/// What selectors ask for of a record.
#[derive(Debug, Clone)]
pub struct Event<'a> {
    /// `Management` or `Data`
    pub category: &'a str,
    /// Whether it changed nothing.
    pub is_read_only: bool,
    /// `SendMessage`
    pub name: &'a str,
    /// `sqs.amazonaws.com`
    pub source: &'a str,
    /// Where it was.
    pub region: &'a str,
    /// Whose resource it was.
    pub recipient: &'a str,
    /// The account of who called.
    pub caller: Option<&'a str>,
    /// Who called.
    pub caller_arn: Option<&'a str>,
    /// Type and ARN of what it acted on.
    pub resources: Vec<(Option<&'a str>, &'a str)>,
}

impl<'a> Event<'a> {
    /// Reads a record.
    pub(super) fn of(record: &'a Value) -> Self {
        let text = |value: &'a Value| value.as_str().unwrap_or_default();
        let resources = record["resources"].as_array().map(Vec::as_slice).unwrap_or_default();
        let identity = &record["userIdentity"];
        Self {
            category: text(&record["eventCategory"]),
            is_read_only: record["readOnly"] == true,
            name: text(&record["eventName"]),
            source: text(&record["eventSource"]),
            region: text(&record["awsRegion"]),
            recipient: text(&record["recipientAccountId"]),
            caller: identity["accountId"].as_str(),
            caller_arn: identity["arn"].as_str(),
            resources: resources.iter().map(|it| (it["type"].as_str(), text(&it["ARN"]))).collect(),
        }
    }

    /// Whether somebody of an account called, or its resource was called.
    pub(crate) fn is_of(&self, account: &str) -> bool {
        self.recipient == account || self.caller == Some(account)
    }
}
