//! One record, with CloudTrail's members in CloudTrail's order.

use std::net::IpAddr;

use serde::Serialize;
use serde_json::{Value, json};

use super::bounds::{ARN_CHARS_MAX, HOST_CHARS_MAX, RECORD_BYTES_MAX, cut};
use super::category::EventCategory;
use super::user_identity::UserIdentity;
use crate::http::Agreed;
use crate::identities::is_account_id;
use crate::trails::Event;

/// The version of CloudTrail's record that this is one of.
const EVENT_VERSION: &str = "1.11";

/// One record. Members without a value that CloudTrail always has are null.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    pub(super) event_version: &'static str,
    pub(super) user_identity: UserIdentity,
    /// ISO 8601.
    pub(super) event_time: String,
    /// `sqs.amazonaws.com`
    pub(super) event_source: String,
    pub(super) event_name: String,
    pub(super) aws_region: String,
    #[serde(rename = "sourceIPAddress")]
    pub(super) source_ip_address: Option<IpAddr>,
    pub(super) user_agent: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error_code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error_message: Option<String>,
    pub(super) request_parameters: Value,
    pub(super) response_elements: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) additional_event_data: Option<Value>,
    #[serde(rename = "requestID")]
    pub(super) request_id: String,
    #[serde(rename = "eventID")]
    pub(super) event_id: String,
    pub(super) read_only: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) resources: Vec<RecordedResource>,
    pub(super) event_type: &'static str,
    pub(super) management_event: bool,
    pub(super) recipient_account_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) vpc_endpoint_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) vpc_endpoint_account_id: Option<String>,
    pub(super) event_category: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tls_details: Option<TlsDetails>,
}

/// How a call was kept from others on the network.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TlsDetails {
    /// Not known if a proxy agreed on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_version: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cipher_suite: Option<&'static str>,
    client_provided_host_header: Option<String>,
}

impl TlsDetails {
    pub(super) fn new(agreed: Option<Agreed>, host: Option<&str>) -> Self {
        Self {
            tls_version: agreed.map(|agreed| agreed.version),
            cipher_suite: agreed.map(|agreed| agreed.cipher_suite),
            client_provided_host_header: host.map(|host| cut(host, HOST_CHARS_MAX)),
        }
    }
}

/// What a call acted on.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RecordedResource {
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(rename = "ARN")]
    arn: String,
}

impl RecordedResource {
    pub(super) fn new(account: &str, arn: &str) -> Self {
        Self {
            account_id: is_account_id(account).then(|| account.to_owned()),
            kind: kind(arn),
            arn: cut(arn, ARN_CHARS_MAX),
        }
    }
}

/// The type of what an ARN names.
fn kind(arn: &str) -> Option<&'static str> {
    let mut parts = arn.splitn(6, ':').skip(2);
    let service = parts.next()?;
    let resource = parts.nth(2)?;
    let kind = resource.split(['/', ':']).next().unwrap_or_default();
    match (service, kind) {
        ("cloudtrail", "trail") => Some("AWS::CloudTrail::Trail"),
        ("sqs", _) => Some("AWS::SQS::Queue"),
        ("iam", "user") => Some("AWS::IAM::User"),
        ("iam", "group") => Some("AWS::IAM::Group"),
        ("iam", "role") => Some("AWS::IAM::Role"),
        ("iam", "policy") => Some("AWS::IAM::Policy"),
        ("kms", "key") => Some("AWS::KMS::Key"),
        ("kms", "alias") => Some("AWS::KMS::Alias"),
        _ => None,
    }
}

impl Record {
    /// The version that every record says.
    pub(super) const VERSION: &'static str = EVENT_VERSION;
    /// The type of records of calls.
    pub(super) const API_CALL: &'static str = "AwsApiCall";

    /// Adds something that CloudTrail has no member for.
    pub(super) fn add(&mut self, name: &str, value: &str) {
        let data = self.additional_event_data.get_or_insert_with(|| json!({}));
        data[name] = value.into();
    }

    /// Says of which category it is.
    pub(super) fn categorise(&mut self, category: EventCategory) {
        self.management_event = category == EventCategory::Management;
        self.event_category = category.name();
    }

    /// What selectors look at.
    pub(super) fn event(&self) -> Event<'_> {
        Event {
            category: self.event_category,
            is_read_only: self.read_only,
            name: &self.event_name,
            source: &self.event_source,
            region: &self.aws_region,
            recipient: &self.recipient_account_id,
            caller: self.user_identity.account_id(),
            caller_arn: self.user_identity.arn(),
            resources: self.resources.iter().map(|it| (it.kind, it.arn.as_str())).collect(),
        }
    }

    /// The record as JSON, small enough for a line.
    pub(super) fn bounded_json(&mut self) -> Vec<u8> {
        let json = self.whole();
        if json.len() <= RECORD_BYTES_MAX {
            return json;
        }
        (self.request_parameters, self.response_elements) = (Value::Null, Value::Null);
        self.resources.clear();
        self.add("omitted", "RECORD_SIZE_LIMIT");
        self.whole()
    }

    fn whole(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("every key of a record is text")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_of_a_resource_follows_from_its_arn() {
        assert_eq!(kind("arn:aws:sqs:us-east-1:1:q"), Some("AWS::SQS::Queue"));
        assert_eq!(kind("arn:aws:sqs:us-east-1:1:*"), Some("AWS::SQS::Queue"));
        assert_eq!(kind("arn:aws:iam::1:role/path/name"), Some("AWS::IAM::Role"));
        assert_eq!(kind("arn:aws:iam::1:root"), None);
        assert_eq!(kind("*"), None);
    }

    fn record(resources: Vec<RecordedResource>) -> Record {
        Record {
            event_version: Record::VERSION,
            user_identity: UserIdentity::default(),
            event_time: String::new(),
            event_source: String::new(),
            event_name: "CreateQueue".to_owned(),
            aws_region: String::new(),
            source_ip_address: None,
            user_agent: None,
            error_code: None,
            error_message: None,
            request_parameters: json!({ "queueName": "q" }),
            response_elements: Value::Null,
            additional_event_data: None,
            request_id: String::new(),
            event_id: String::new(),
            read_only: false,
            resources,
            event_type: Record::API_CALL,
            management_event: true,
            recipient_account_id: String::new(),
            vpc_endpoint_id: None,
            vpc_endpoint_account_id: None,
            event_category: "Management",
            tls_details: None,
        }
    }

    #[test]
    fn what_makes_a_record_too_large_is_left_out() {
        let resources = |count| (0..count).map(|_| RecordedResource::new("1", "arn")).collect();
        let written = |count| -> Value {
            let json = record(resources(count)).bounded_json();
            assert!(json.len() <= RECORD_BYTES_MAX, "{count} resources: {}", json.len());
            serde_json::from_slice(&json).expect("JSON")
        };
        assert_eq!(written(10)["requestParameters"]["queueName"], "q");
        let cut = written(RECORD_BYTES_MAX);
        assert_eq!((&cut["requestParameters"], &cut["resources"]), (&Value::Null, &Value::Null));
        assert_eq!(cut["additionalEventData"]["omitted"], "RECORD_SIZE_LIMIT");
        assert_eq!(cut["eventName"], "CreateQueue");
    }
}
