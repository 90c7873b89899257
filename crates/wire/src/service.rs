//! Static description of one AWS service: everything about it that a protocol has to know.

use crate::error::{ErrorOrigin, ErrorShape};

/// Version of the AWS JSON protocol; it shows in the content type only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonVersion {
    /// `application/x-amz-json-1.0`
    V1_0,
    /// `application/x-amz-json-1.1`
    V1_1,
}

impl JsonVersion {
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::V1_0 => "application/x-amz-json-1.0",
            Self::V1_1 => "application/x-amz-json-1.1",
        }
    }
}

/// Describes one AWS service to the protocols.
#[derive(Debug)]
pub struct ServiceModel {
    /// Name in the SigV4 credential scope, as in `sqs`.
    pub name: &'static str,
    /// Whether it has no regions: requests may be signed for us-east-1, whatever the region.
    pub is_global: bool,
    /// Part of `X-Amz-Target` before the operation, as in `AmazonSQS`. Empty if the service does not speak AWS JSON.
    pub target_prefix: &'static str,
    /// Version of AWS JSON that the service speaks.
    pub json_version: JsonVersion,
    /// Prefix of `__type` for errors that the service models, as in `com.amazonaws.sqs`.
    pub error_namespace: &'static str,
    /// The error of an access key that is used too often.
    pub throttling: &'static ErrorShape,
    /// The Query protocol, for services that speak it. Its presence also makes JSON errors carry `x-amzn-query-error`.
    pub query: Option<QueryModel>,
}

/// Describes how a service speaks the Query protocol.
#[derive(Debug)]
pub struct QueryModel {
    /// Value of the parameter `Version`, as in `2012-11-05`.
    pub version: &'static str,
    /// XML namespace of the answers.
    pub namespace: &'static str,
    /// Member that is filled from the URL path when the request does not carry it, as in `QueueUrl`.
    pub path_member: Option<&'static str>,
    /// Operations that are refused on any path but `/`.
    pub root_only: &'static [&'static str],
    /// Names on the wire that differ from the canonical member names.
    pub spellings: &'static [Spelling],
}

/// One member whose Query spelling differs from its canonical (JSON) name, at any depth of input and output.
///
/// Several rows may share a wire name; a request parameter then fills all of them. A row for one operation goes before a
/// row for all of them when an answer is rendered.
#[derive(Debug)]
pub struct Spelling {
    /// The operation that the row is for; `None` for all.
    pub operation: Option<&'static str>,
    /// Canonical member name, as in `Attributes`.
    pub member: &'static str,
    /// Name on the wire, as in `Attribute`.
    pub wire: &'static str,
    /// What is behind the name.
    pub shape: SpellingShape,
}

/// An entry of a map that is not flattened, and the names of what is in it.
pub(crate) const ENTRY: &str = "entry";
pub(crate) const ENTRY_KEY: &str = "key";
pub(crate) const ENTRY_VALUE: &str = "value";

/// Form of a member in the Query protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpellingShape {
    /// Flattened list: `Wire.1`, `Wire.2`; in XML the element is repeated.
    List,
    /// Flattened map: `Wire.1.<key>`, `Wire.1.<value>`; in XML the element is repeated, with these two inside.
    Map {
        /// Name of the key, as in `Name`.
        key: &'static str,
        /// Name of the value, as in `Value`.
        value: &'static str,
    },
    /// Map with its entries inside: `Wire.entry.1.key`, `Wire.entry.1.value`; in XML too.
    Entries,
    /// `wire` is the name in the legacy JSON rendering only; says nothing about requests and XML.
    LegacyJsonName,
}

static NO_QUERY: QueryModel =
    QueryModel { version: "", namespace: "", path_member: None, root_only: &[], spellings: &[] };

impl ServiceModel {
    /// Returns the Query model, or an empty one for a service that does not speak Query but has to answer in it.
    pub(crate) fn query_or_empty(&'static self) -> &'static QueryModel {
        self.query.as_ref().unwrap_or(&NO_QUERY)
    }

    /// Tells whether `prefix` of an `X-Amz-Target` names this service. Some SDKs send a longer, package-like prefix.
    pub(crate) fn has_target_prefix(&self, prefix: &str) -> bool {
        !self.target_prefix.is_empty()
            && prefix
                .strip_suffix(self.target_prefix)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }

    pub(crate) fn error_type(&self, shape: &ErrorShape) -> String {
        let namespace = match shape.origin {
            ErrorOrigin::Service => self.error_namespace,
            ErrorOrigin::Framework => "com.amazon.coral.service",
        };
        format!("{namespace}#{}", shape.name)
    }
}

impl QueryModel {
    /// Iterates over the rows that a request parameter called `name` fills, by wire name or canonical name.
    pub(crate) fn input_rows(
        &self,
        operation: &str,
        name: &str,
    ) -> impl Iterator<Item = &'static Spelling> {
        self.spellings.iter().filter(move |row| {
            row.shape != SpellingShape::LegacyJsonName
                && (row.wire == name || row.member == name)
                && row.operation.is_none_or(|only| only == operation)
        })
    }

    /// Returns the row that spells an output member in XML.
    pub(crate) fn output_row(&self, operation: &str, member: &str) -> Option<&'static Spelling> {
        self.row(operation, member, |shape| shape != SpellingShape::LegacyJsonName)
    }

    /// Returns the name of an output member in the legacy JSON rendering.
    pub(crate) fn legacy_json_name<'a>(&self, operation: &str, member: &'a str) -> &'a str {
        self.row(operation, member, |shape| shape == SpellingShape::LegacyJsonName)
            .map_or(member, |row| row.wire)
    }

    fn row(
        &self,
        operation: &str,
        member: &str,
        wanted: impl Fn(SpellingShape) -> bool,
    ) -> Option<&'static Spelling> {
        let rows = || self.spellings.iter().filter(|row| row.member == member && wanted(row.shape));
        rows()
            .find(|row| row.operation == Some(operation))
            .or_else(|| rows().find(|row| row.operation.is_none()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framework;

    static MODEL: ServiceModel = ServiceModel {
        is_global: false,
        name: "cloudtrail",
        target_prefix: "CloudTrail_20131101",
        json_version: JsonVersion::V1_1,
        error_namespace: "com.amazonaws.cloudtrail",
        throttling: &framework::THROTTLING,
        query: None,
    };

    #[test]
    fn a_target_prefix_may_be_package_like() {
        let long = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101";
        assert!(MODEL.has_target_prefix("CloudTrail_20131101"));
        assert!(MODEL.has_target_prefix(long));
        assert!(!MODEL.has_target_prefix("NotCloudTrail_20131101"));
        assert!(!MODEL.has_target_prefix(""));
    }
}
