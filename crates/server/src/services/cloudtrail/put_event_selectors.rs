//! `PutEventSelectors`: replaces what a trail selects, for what is not delivered yet as well.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::given_selectors::{GivenAdvanced, GivenSelector, parsed};
use super::trails;
use crate::identities::Trail;
use crate::services::{Context, Operation, Resource};
use crate::trails::{AdvancedEventSelector, EventSelector, Selectors};

/// The operation.
pub(super) struct PutEventSelectors;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    trail_name: Option<String>,
    #[serde(default)]
    event_selectors: Option<Vec<GivenSelector>>,
    #[serde(default)]
    advanced_event_selectors: Option<Vec<GivenAdvanced>>,
}

/// What a trail selects, as clients see it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    #[serde(rename = "TrailARN")]
    trail_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_selectors: Option<Vec<EventSelector>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advanced_event_selectors: Option<Vec<AdvancedEventSelector>>,
}

impl From<&Trail> for Output {
    fn from(trail: &Trail) -> Self {
        let (event_selectors, advanced_event_selectors) = match trail.selectors.clone() {
            Selectors::Classic(selectors) => (Some(selectors), None),
            Selectors::Advanced(selectors) => (None, Some(selectors)),
        };
        Self { trail_arn: trail.arn(), event_selectors, advanced_event_selectors }
    }
}

impl Operation for PutEventSelectors {
    const NAME: &'static str = "PutEventSelectors";
    const IAM_ACTION: &'static str = "cloudtrail:PutEventSelectors";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        Resource::Trail(input.trail_name.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let selectors = parsed(input.event_selectors, input.advanced_event_selectors)?;
        let name = input.trail_name.as_deref();
        let updated = trails::update(context, name, move |trail, _| {
            trail.selectors = selectors;
            Ok(())
        });
        Ok(Output::from(&updated.await?))
    }
}
