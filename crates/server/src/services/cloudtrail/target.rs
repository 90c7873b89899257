//! What requests to CloudTrail act on, as policies name it.

use std::sync::Arc;

use super::names::TrailName;
use crate::identities::Trail;
use crate::services::Context;
use crate::services::target::{Guarded, Reach, Target, tag_of};

/// Everything in the caller's account: what is recorded belongs to no trail.
pub(crate) fn account(context: &Context) -> Target {
    own(context, "*")
}

/// A trail, that exists or not, by its name or ARN. One whose name is none is nobody's.
pub(crate) fn trail(context: &Context, name: Option<&str>) -> Target {
    let Ok(TrailName { account, home_region, name }) = TrailName::parse(context, name) else {
        return own(context, "trail/*");
    };
    let snapshot = context.identities.snapshot();
    let trail = snapshot.get::<Trail>(&Trail::key_of(&account, &home_region, &name));
    Target {
        arn: format!("arn:aws:cloudtrail:{home_region}:{account}:trail/{name}"),
        guarded: trail.map(|trail| Arc::clone(trail) as Arc<dyn Guarded>),
        account,
        reach: Reach::Account,
        absent: None,
    }
}

fn own(context: &Context, resource: &str) -> Target {
    let (account, region) = (&context.identity.account, &context.region);
    Target {
        arn: format!("arn:aws:cloudtrail:{region}:{account}:{resource}"),
        account: account.to_string(),
        guarded: None,
        reach: Reach::Account,
        absent: None,
    }
}

impl Guarded for Trail {
    fn tag(&self, key: &str) -> Option<&str> {
        tag_of(&self.tags, key)
    }
}
