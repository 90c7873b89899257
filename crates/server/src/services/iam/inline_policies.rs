//! Inline policies of users, groups and roles.

use serde::Serialize;
use sluice_policy::Kind;
use sluice_wire::AwsError;

use super::page::{Cut, Page};
use super::{documents, errors, names, principals};
use crate::identities::Principal;
use crate::services::Context;

/// Adds or replaces an inline policy.
pub(super) async fn put<P: Principal>(
    context: &Context,
    name: String,
    policy_name: Option<String>,
    document: Option<String>,
) -> Result<(), AwsError> {
    let policy_name = names::policy(policy_name)?;
    let document = documents::parse("policyDocument", document, Kind::Identity)?;
    principals::update::<P, ()>(context, name, move |principal, _, _| {
        let name = principal.name().to_owned();
        let inline = &mut principal.grants_mut().inline;
        inline.insert(policy_name, document);
        let chars: usize = inline.values().map(|document| documents::chars(document)).sum();
        let max = P::INLINE_CHARS_MAX;
        if chars > max {
            let kind = P::KIND;
            return Err(errors::limit_exceeded(format!(
                "Maximum policy size of {max} bytes exceeded for {kind} {name}"
            )));
        }
        Ok(())
    })
    .await
}

/// Returns the name of the user, group or role as it was created, and a policy as answers have it.
pub(super) fn get<P: Principal>(
    context: &Context,
    name: &str,
    policy_name: &str,
) -> Result<(String, String), AwsError> {
    let principal = principals::found::<P>(context, name)?;
    let document = principal.grants().inline.get(policy_name);
    let document = document.ok_or_else(|| errors::no_such_inline_policy::<P>(policy_name))?;
    Ok((principal.name().to_owned(), documents::encoded(document)))
}

/// Removes an inline policy.
pub(super) async fn delete<P: Principal>(
    context: &Context,
    name: String,
    policy_name: Option<String>,
) -> Result<(), AwsError> {
    let policy_name = names::policy(policy_name)?;
    principals::update::<P, ()>(context, name, move |principal, _, _| {
        let removed = principal.grants_mut().inline.remove(&policy_name);
        removed.map(drop).ok_or_else(|| errors::no_such_inline_policy::<P>(&policy_name))
    })
    .await
}

/// Names of inline policies, on a page.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct NamesPage {
    policy_names: Vec<String>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

/// Lists inline policies by name.
pub(super) fn list<P: Principal>(
    context: &Context,
    name: &str,
    page: &Page,
) -> Result<NamesPage, AwsError> {
    let principal = principals::found::<P>(context, name)?;
    let names = principal.grants().inline.keys().cloned();
    let Cut { items, is_truncated, marker } = page.of(names, String::clone);
    Ok(NamesPage { policy_names: items, is_truncated, marker })
}
