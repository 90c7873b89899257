//! How IAM looks on the wire (neighbours §1.1, §1.2): the Query protocol only.

use sluice_wire::{JsonVersion, QueryModel, ServiceModel, Spelling, SpellingShape, framework};

/// IAM as the protocols see it.
pub static MODEL: ServiceModel = ServiceModel {
    name: "iam",
    is_global: true,
    target_prefix: "",
    json_version: JsonVersion::V1_1,
    error_namespace: "com.amazonaws.iam",
    throttling: &framework::QUERY_THROTTLING,
    query: Some(QueryModel {
        version: "2010-05-08",
        namespace: "https://iam.amazonaws.com/doc/2010-05-08/",
        path_member: None,
        root_only: &[],
        spellings: &[Spelling {
            operation: Some("GetAccountSummary"),
            member: "SummaryMap",
            wire: "SummaryMap",
            shape: SpellingShape::Entries,
        }],
    }),
};
