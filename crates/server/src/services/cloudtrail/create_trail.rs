//! `CreateTrail`: makes a trail, which is not logging yet.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::settings::{Settings, Summary};
use super::tag_list::{self, TagList};
use super::{errors, names};
use crate::identities::{Delivery, Draft, Entity, Tags, Trail};
use crate::services::{Context, InputKeys, Operation, Resource};
use crate::trails::Selectors;

/// Trails in one region; CloudTrail's number.
const TRAILS_MAX: usize = 5;

/// The operation.
pub(super) struct CreateTrail;

/// Request.
#[derive(Debug, Deserialize)]
pub(super) struct Input {
    #[serde(flatten)]
    settings: Settings,
    #[serde(default, rename = "TagsList")]
    tags_list: Option<TagList>,
}

impl Operation for CreateTrail {
    const NAME: &'static str = "CreateTrail";
    const IAM_ACTION: &'static str = "cloudtrail:CreateTrail";
    type Input = Input;
    type Output = Summary;

    fn resource(input: &Input) -> Resource {
        Resource::Trail(input.settings.name.clone())
    }

    fn keys(input: &Input) -> InputKeys {
        InputKeys::default().with_tags(&tag_list::given(input.tags_list.as_ref()))
    }

    async fn run(context: &Context, input: Input) -> Result<Summary, AwsError> {
        context.audit.as_ref().ok_or_else(errors::no_audit_log)?;
        let name = input.settings.name.clone().unwrap_or_default();
        names::check(&name)?;
        names::check_bucket(input.settings.s3_bucket_name.as_deref().unwrap_or_default())?;
        let mut trail = Trail {
            account: context.identity.account.to_string(),
            home_region: context.region.to_string(),
            name,
            created_at_ms: context.now_ms,
            bucket: String::new(),
            prefix: None,
            has_global_services: true,
            is_multi_region: false,
            tags: Tags::new(),
            selectors: Selectors::default(),
            is_logging: false,
            started_at_ms: None,
            stopped_at_ms: None,
            delivery: Delivery::default(),
        };
        input.settings.apply(&mut trail)?;
        tag_list::merge(&mut trail.tags, input.tags_list)?;
        let created = context.identities.change(|draft, _| create(draft, trail)).await?;
        Ok(created.into())
    }
}

fn create(draft: &mut Draft, trail: Trail) -> Result<Trail, AwsError> {
    let (snapshot, region) = (draft.snapshot(), &trail.home_region);
    if snapshot.get::<Trail>(&trail.key()).is_some() {
        return Err(errors::trail_already_exists(&trail.name, &trail.account));
    }
    let of_account = snapshot.of_account::<Trail>(&trail.account);
    if of_account.filter(|other| other.home_region == *region).count() >= TRAILS_MAX {
        return Err(errors::too_many_trails(&trail.account, region, TRAILS_MAX));
    }
    draft.put(trail.clone());
    Ok(trail)
}
