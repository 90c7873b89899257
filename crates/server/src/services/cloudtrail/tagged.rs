//! What has tags: trails, by their ARNs.

use std::sync::Arc;

use sluice_wire::AwsError;

use super::names::TrailName;
use super::{errors, trails};
use crate::identities::{Tags, Trail};
use crate::services::{Context, NoOutput};

/// Finds the trail with an ARN.
pub(super) fn found(context: &Context, arn: &str) -> Result<Arc<Trail>, AwsError> {
    check(arn)?;
    trails::found(context, Some(arn)).map_err(|_| errors::resource_not_found(arn))
}

/// Changes the tags of a trail.
pub(super) async fn update(
    context: &Context,
    arn: Option<String>,
    change: impl FnOnce(&mut Tags) -> Result<(), AwsError> + Send + 'static,
) -> Result<NoOutput, AwsError> {
    let arn = arn.unwrap_or_default();
    found(context, &arn)?;
    trails::update(context, Some(&arn), |trail, _| change(&mut trail.tags)).await?;
    Ok(NoOutput {})
}

fn check(arn: &str) -> Result<(), AwsError> {
    TrailName::of_arn(arn).map(drop).ok_or_else(|| errors::invalid_arn(arn))
}
