//! How STS looks on the wire (neighbours §1.1, §1.2): the Query protocol only.

use sluice_wire::{JsonVersion, QueryModel, ServiceModel, framework};

/// STS as the protocols see it.
pub static MODEL: ServiceModel = ServiceModel {
    name: "sts",
    is_global: true,
    target_prefix: "",
    json_version: JsonVersion::V1_1,
    error_namespace: "com.amazonaws.sts",
    throttling: &framework::QUERY_THROTTLING,
    query: Some(QueryModel {
        version: "2011-06-15",
        namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
        path_member: None,
        root_only: &[],
        spellings: &[],
    }),
};
