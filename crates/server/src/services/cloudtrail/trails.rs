//! Trails by name: found, and changed.

use std::sync::Arc;

use sluice_wire::AwsError;

use super::errors;
use super::names::TrailName;
use crate::identities::{Draft, Snapshot, Trail};
use crate::services::Context;

/// Finds a trail of the caller's account, as it is now.
pub(super) fn found(context: &Context, name: Option<&str>) -> Result<Arc<Trail>, AwsError> {
    let name = TrailName::parse(context, name)?;
    existing(&context.identities.snapshot(), &context.identity.account, &name)
}

fn existing(snapshot: &Snapshot, account: &str, name: &TrailName) -> Result<Arc<Trail>, AwsError> {
    let TrailName { home_region, name: text, .. } = name;
    let trail = snapshot.get::<Trail>(&Trail::key_of(&name.account, home_region, text));
    let trail = trail.filter(|trail| trail.account == account && trail.name == *text);
    trail.cloned().ok_or_else(|| errors::trail_not_found(text, account))
}

/// Decides about a trail of the caller's account.
pub(super) async fn decide<T: Send + 'static>(
    context: &Context,
    name: Option<&str>,
    decide: impl FnOnce(&mut Draft, Trail, u64) -> Result<T, AwsError> + Send + 'static,
) -> Result<T, AwsError> {
    let name = TrailName::parse(context, name)?;
    let (account, region) = (context.identity.account.to_string(), context.region.to_string());
    let change = move |draft: &mut Draft, now_ms| {
        let trail = existing(draft.snapshot(), &account, &name)?;
        if trail.home_region != region {
            return Err(errors::invalid_home_region(&trail));
        }
        decide(draft, Trail::clone(&trail), now_ms)
    };
    context.identities.change(change).await
}

/// Changes a trail of the caller's account; returns what it is then.
pub(super) async fn update(
    context: &Context,
    name: Option<&str>,
    change: impl FnOnce(&mut Trail, u64) -> Result<(), AwsError> + Send + 'static,
) -> Result<Trail, AwsError> {
    decide(context, name, |draft, mut trail, now_ms| {
        change(&mut trail, now_ms)?;
        draft.put(trail.clone());
        Ok(trail)
    })
    .await
}
