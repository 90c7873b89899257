//! `DescribeTrails`: the settings of trails, those of other regions that log here included.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::names::TrailName;
use super::settings::Description;
use crate::identities::Trail;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct DescribeTrails;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    #[serde(default)]
    trail_name_list: Option<Vec<String>>,
    #[serde(default)]
    include_shadow_trails: Option<bool>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    trail_list: Vec<Description>,
}

impl Operation for DescribeTrails {
    const NAME: &'static str = "DescribeTrails";
    const IAM_ACTION: &'static str = "cloudtrail:DescribeTrails";
    type Input = Input;
    type Output = Output;

    fn resource(_: &Input) -> Resource {
        Resource::Account
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let parsed = |name: &String| TrailName::parse(context, Some(name));
        let names = input.trail_name_list.unwrap_or_default();
        let named = names.iter().map(parsed).collect::<Result<Vec<_>, _>>()?;
        let has_shadows = input.include_shadow_trails.unwrap_or(true);
        let is_listed = |trail: &Trail| {
            let is_it = |name: &TrailName| {
                (name.account == trail.account)
                    && (name.home_region == trail.home_region)
                    && name.name == trail.name
            };
            let is_here = *trail.home_region == *context.region;
            let is_shadow = trail.is_multi_region && has_shadows;
            (is_here || is_shadow) && (named.is_empty() || named.iter().any(is_it))
        };
        let snapshot = context.identities.snapshot();
        let trails = snapshot.of_account::<Trail>(&context.identity.account);
        let listed = trails.filter(|trail| is_listed(trail));
        Ok(Output { trail_list: listed.map(|trail| Description::from(&**trail)).collect() })
    }
}
