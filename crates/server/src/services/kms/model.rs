//! How KMS looks on the wire (neighbours §1.1, §1.2): AWS JSON 1.1 only.

use sluice_wire::{JsonVersion, ServiceModel, framework};

/// KMS as the protocols see it.
pub static MODEL: ServiceModel = ServiceModel {
    name: "kms",
    is_global: false,
    target_prefix: "TrentService",
    json_version: JsonVersion::V1_1,
    error_namespace: "com.amazonaws.kms",
    throttling: &framework::THROTTLING,
    query: None,
};
