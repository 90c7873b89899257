//! What requests to CloudTrail act on, as policies name it.

use crate::services::Context;
use crate::services::target::{Reach, Target};

/// Everything in the caller's account: what is recorded belongs to no trail.
pub(crate) fn account(context: &Context) -> Target {
    let (account, region) = (&context.identity.account, &context.region);
    Target {
        arn: format!("arn:aws:cloudtrail:{region}:{account}:*"),
        account: account.to_string(),
        guarded: None,
        reach: Reach::Account,
        absent: None,
    }
}
