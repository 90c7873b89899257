//! What clients set of a trail, and see of it.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::{errors, names};
use crate::identities::Trail;
use crate::trails::Selectors;

/// What `CreateTrail` and `UpdateTrail` take.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Settings {
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) s3_bucket_name: Option<String>,
    #[serde(default)]
    s3_key_prefix: Option<String>,
    #[serde(default)]
    sns_topic_name: Option<String>,
    #[serde(default)]
    include_global_service_events: Option<bool>,
    #[serde(default)]
    is_multi_region_trail: Option<bool>,
    #[serde(default)]
    enable_log_file_validation: Option<bool>,
    #[serde(default)]
    cloud_watch_logs_log_group_arn: Option<String>,
    #[serde(default)]
    cloud_watch_logs_role_arn: Option<String>,
    #[serde(default)]
    kms_key_id: Option<String>,
    #[serde(default)]
    is_organization_trail: Option<bool>,
}

impl Settings {
    /// Sets what is given.
    pub(super) fn apply(self, trail: &mut Trail) -> Result<(), AwsError> {
        self.check_supported()?;
        if let Some(bucket) = self.s3_bucket_name {
            names::check_bucket(&bucket)?;
            trail.bucket = bucket;
        }
        match self.s3_key_prefix {
            None => {}
            Some(prefix) if prefix.is_empty() => trail.prefix = None,
            Some(prefix) => {
                names::check_prefix(&prefix)?;
                trail.prefix = Some(prefix);
            }
        }
        let has_global_services = self.include_global_service_events;
        trail.has_global_services = has_global_services.unwrap_or(trail.has_global_services);
        trail.is_multi_region = self.is_multi_region_trail.unwrap_or(trail.is_multi_region);
        if trail.is_multi_region && !trail.has_global_services {
            let text = "Multi-Region trail must include global service events.";
            return Err(errors::invalid_combination(text));
        }
        Ok(())
    }

    /// What is not done is not promised.
    fn check_supported(&self) -> Result<(), AwsError> {
        let is_given = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        let text = if is_given(&self.sns_topic_name) {
            "This server notifies no topic of files that trails deliver."
        } else if is_given(&self.cloud_watch_logs_log_group_arn)
            || is_given(&self.cloud_watch_logs_role_arn)
        {
            "This server has no CloudWatch Logs that trails could deliver to."
        } else if is_given(&self.kms_key_id) {
            "This server does not encrypt the files that trails deliver."
        } else if self.enable_log_file_validation == Some(true) {
            "This server writes no digests of the files that trails deliver; its own audit log has a chain of hashes."
        } else if self.is_organization_trail == Some(true) {
            "This server has no organizations."
        } else {
            return Ok(());
        };
        Err(errors::unsupported(text))
    }
}

/// A trail, as `CreateTrail` and `UpdateTrail` answer it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Summary {
    name: String,
    s3_bucket_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    s3_key_prefix: Option<String>,
    include_global_service_events: bool,
    is_multi_region_trail: bool,
    #[serde(rename = "TrailARN")]
    trail_arn: String,
    log_file_validation_enabled: bool,
    is_organization_trail: bool,
}

impl From<Trail> for Summary {
    fn from(trail: Trail) -> Self {
        Self {
            trail_arn: trail.arn(),
            name: trail.name,
            s3_bucket_name: trail.bucket,
            s3_key_prefix: trail.prefix,
            include_global_service_events: trail.has_global_services,
            is_multi_region_trail: trail.is_multi_region,
            log_file_validation_enabled: false,
            is_organization_trail: false,
        }
    }
}

/// A trail, as `GetTrail` and `DescribeTrails` answer it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Description {
    name: String,
    s3_bucket_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    s3_key_prefix: Option<String>,
    include_global_service_events: bool,
    is_multi_region_trail: bool,
    home_region: String,
    #[serde(rename = "TrailARN")]
    trail_arn: String,
    log_file_validation_enabled: bool,
    has_custom_event_selectors: bool,
    has_insight_selectors: bool,
    is_organization_trail: bool,
}

impl From<&Trail> for Description {
    fn from(trail: &Trail) -> Self {
        Self {
            name: trail.name.clone(),
            s3_bucket_name: trail.bucket.clone(),
            s3_key_prefix: trail.prefix.clone(),
            include_global_service_events: trail.has_global_services,
            is_multi_region_trail: trail.is_multi_region,
            home_region: trail.home_region.clone(),
            trail_arn: trail.arn(),
            log_file_validation_enabled: false,
            has_custom_event_selectors: trail.selectors != Selectors::default(),
            has_insight_selectors: false,
            is_organization_trail: false,
        }
    }
}

/// An operation on one trail takes its name or ARN.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Named {
    #[serde(default)]
    pub(super) name: Option<String>,
}
