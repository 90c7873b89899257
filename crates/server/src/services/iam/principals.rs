//! Users, groups and roles by name: found, and changed.

use std::sync::Arc;

use serde::Deserialize;
use sluice_wire::AwsError;

use super::page::{Cut, Page};
use super::{errors, names};
use crate::identities::{Draft, EntityKey, Principal, Snapshot};
use crate::services::Context;

/// Finds a user, group or role.
pub(super) fn existing<'a, P: Principal>(
    snapshot: &'a Snapshot,
    account: &str,
    name: &str,
) -> Result<&'a Arc<P>, AwsError> {
    snapshot.get(&EntityKey::new(account, name)).ok_or_else(|| errors::no_such::<P>(name))
}

/// Finds a user, group or role of the caller's account, as it is now.
pub(super) fn found<P: Principal>(context: &Context, name: &str) -> Result<Arc<P>, AwsError> {
    existing(&context.identities.snapshot(), &context.identity.account, name).cloned()
}

/// Creates a user, group or role, if its account has room for it and the name is free.
pub(super) fn create<P: Principal>(
    draft: &mut Draft,
    principal: P,
    (quota, count_max): (&str, usize),
) -> Result<P, AwsError> {
    let snapshot = draft.snapshot();
    if snapshot.get::<P>(&principal.key()).is_some() {
        return Err(errors::already_exists::<P>(principal.name()));
    }
    if snapshot.of_account::<P>(principal.account()).count() >= count_max {
        return Err(errors::quota(quota, count_max));
    }
    draft.put(principal.clone());
    Ok(principal)
}

/// Changes a user, group or role of the caller's account.
pub(super) async fn update<P: Principal, T: Send + 'static>(
    context: &Context,
    name: String,
    change: impl FnOnce(&mut P, &Snapshot, u64) -> Result<T, AwsError> + Send + 'static,
) -> Result<T, AwsError> {
    let account = context.identity.account.to_string();
    let decide = move |draft: &mut Draft, now_ms| {
        let mut principal = P::clone(existing(draft.snapshot(), &account, &name)?);
        let value = change(&mut principal, draft.snapshot(), now_ms)?;
        draft.put(principal);
        Ok(value)
    };
    context.identities.change(decide).await
}

/// Deletes a user, group or role of the caller's account to which nothing belongs any more.
pub(super) async fn delete<P: Principal>(
    context: &Context,
    name: String,
    is_referenced: impl FnOnce(&P, &Snapshot) -> bool + Send + 'static,
) -> Result<(), AwsError> {
    let account = context.identity.account.to_string();
    let decide = move |draft: &mut Draft, _now_ms| {
        let principal = existing::<P>(draft.snapshot(), &account, &name)?;
        let grants = principal.grants();
        let has_policies = !grants.inline.is_empty() || !grants.attached.is_empty();
        if has_policies || is_referenced(principal, draft.snapshot()) {
            return Err(errors::still_referenced());
        }
        draft.remove::<P>(&EntityKey::new(&account, &name));
        Ok(())
    };
    context.identities.change(decide).await
}

/// Which of the users, groups or roles of an account are asked for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Listing {
    #[serde(default)]
    path_prefix: Option<String>,
    #[serde(default)]
    marker: Option<String>,
    #[serde(default)]
    max_items: Option<i64>,
}

/// Lists users, groups or roles of the caller's account by name.
pub(super) fn list<P: Principal>(
    context: &Context,
    listing: Listing,
) -> Result<Cut<Arc<P>>, AwsError> {
    let page = Page::parse(listing.marker.as_deref(), listing.max_items)?;
    let prefix = names::path_prefix(listing.path_prefix)?;
    let snapshot = context.identities.snapshot();
    let all = snapshot.of_account::<P>(&context.identity.account);
    let listed = all.filter(|it| it.path().starts_with(&prefix)).cloned();
    Ok(page.of(listed, |it| it.name().to_ascii_lowercase()))
}
