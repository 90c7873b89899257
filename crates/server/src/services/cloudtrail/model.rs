//! How CloudTrail looks on the wire (neighbours §1.1, §1.2): AWS JSON 1.1 only.

use sluice_wire::{JsonVersion, ServiceModel, framework};

/// CloudTrail as the protocols see it. Some SDKs send a longer prefix that ends with this one.
pub static MODEL: ServiceModel = ServiceModel {
    name: "cloudtrail",
    is_global: false,
    target_prefix: "CloudTrail_20131101",
    json_version: JsonVersion::V1_1,
    error_namespace: "com.amazonaws.cloudtrail.v20131101",
    throttling: &framework::THROTTLING,
    query: None,
};
