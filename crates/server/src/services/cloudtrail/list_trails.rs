//! `ListTrails`: every trail of the account, of all regions. There are too few for a second page.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use crate::identities::Trail;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct ListTrails;

/// Request. No answer has a `NextToken`, so none is looked at.
#[derive(Debug, Deserialize)]
pub(super) struct Input {}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    trails: Vec<Listed>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    #[serde(rename = "TrailARN")]
    trail_arn: String,
    name: String,
    home_region: String,
}

impl Operation for ListTrails {
    const NAME: &'static str = "ListTrails";
    const IAM_ACTION: &'static str = "cloudtrail:ListTrails";
    type Input = Input;
    type Output = Output;

    fn resource(_: &Input) -> Resource {
        Resource::Account
    }

    async fn run(context: &Context, _: Input) -> Result<Output, AwsError> {
        let snapshot = context.identities.snapshot();
        let listed = snapshot.of_account::<Trail>(&context.identity.account).map(|trail| Listed {
            trail_arn: trail.arn(),
            name: trail.name.clone(),
            home_region: trail.home_region.clone(),
        });
        Ok(Output { trails: listed.collect() })
    }
}
