//! Managed policies by their ARNs: found, and changed.

use std::sync::Arc;

use sluice_policy::Kind;
use sluice_wire::AwsError;

use super::descriptions::version_id;
use super::limits::MANAGED_CHARS_MAX;
use super::{documents, errors, names};
use crate::identities::{Draft, EntityKey, ManagedPolicy, PolicyVersion, Snapshot};
use crate::services::Context;
use crate::services::constraints::Constraints;

/// Finds a policy of the caller's account, or of AWS, as it is now.
pub(super) fn found(context: &Context, arn: &str) -> Result<Arc<ManagedPolicy>, AwsError> {
    let snapshot = context.identities.snapshot();
    let policy = ManagedPolicy::by_arn(&snapshot, arn).cloned();
    policy
        .filter(|policy| policy.account == *context.identity.account || policy.is_of_aws())
        .ok_or_else(|| errors::no_such_policy(arn))
}

/// Finds a policy that an account may change.
pub(super) fn own<'a>(
    snapshot: &'a Snapshot,
    account: &str,
    arn: &str,
) -> Result<&'a Arc<ManagedPolicy>, AwsError> {
    let policy = ManagedPolicy::by_arn(snapshot, arn).filter(|policy| policy.account == account);
    policy.ok_or_else(|| errors::no_such_policy(arn))
}

/// Changes a policy of the caller's account.
pub(super) async fn update<T: Send + 'static>(
    context: &Context,
    arn: Option<String>,
    change: impl FnOnce(&mut ManagedPolicy, u64) -> Result<T, AwsError> + Send + 'static,
) -> Result<T, AwsError> {
    let arn = names::arn("policyArn", arn)?;
    let account = context.identity.account.to_string();
    let decide = move |draft: &mut Draft, now_ms| {
        let mut policy = ManagedPolicy::clone(own(draft.snapshot(), &account, &arn)?);
        let value = change(&mut policy, now_ms)?;
        draft.put(policy);
        Ok(value)
    };
    context.identities.change(decide).await
}

/// Whether the name of a policy is free in an account.
pub(super) fn is_free(snapshot: &Snapshot, account: &str, name: &str) -> bool {
    snapshot.get::<ManagedPolicy>(&EntityKey::new(account, name)).is_none()
}

/// `VersionId`: the number in `v1`.
pub(super) fn version_number(arn: &str, version_id: Option<String>) -> Result<u32, AwsError> {
    Constraints::new().required("versionId", version_id.as_deref(), 1, 64).check()?;
    let id = version_id.unwrap_or_default();
    let number = id.strip_prefix('v').and_then(|number| number.parse().ok());
    number.ok_or_else(|| errors::no_such_version(arn, &id))
}

/// Finds a version of a policy.
pub(super) fn version(policy: &ManagedPolicy, number: u32) -> Result<&PolicyVersion, AwsError> {
    policy
        .version(number)
        .ok_or_else(|| errors::no_such_version(&policy.arn(), &version_id(number)))
}

/// `PolicyDocument` of a managed policy.
pub(super) fn document(document: Option<String>) -> Result<String, AwsError> {
    let document = documents::parse("policyDocument", document, Kind::Identity)?;
    match documents::chars(&document) > MANAGED_CHARS_MAX {
        true => Err(errors::quota("PolicySize", MANAGED_CHARS_MAX)),
        false => Ok(document),
    }
}
