//! `ListRetirableGrants`: the grants in the account and region that somebody may end.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::errors;
use super::grants::Listed;
use super::limits::PRINCIPAL_CHARS_MAX;
use super::page::{self, More};
use super::target::place;
use crate::services::constraints::Constraints;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct ListRetirableGrants;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    retiring_principal: Option<String>,
    #[serde(default)]
    limit: Option<i64>,
    #[serde(default)]
    marker: Option<String>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    grants: Vec<Listed>,
    #[serde(flatten)]
    more: More,
}

impl Operation for ListRetirableGrants {
    const NAME: &'static str = "ListRetirableGrants";
    const IAM_ACTION: &'static str = "kms:ListRetirableGrants";
    type Input = Input;
    type Output = Output;

    fn resource(_: &Input) -> Resource {
        Resource::Account
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let retiring = input.retiring_principal.as_deref();
        let constraints = Constraints::new();
        let constraints =
            constraints.required("retiringPrincipal", retiring, 1, PRINCIPAL_CHARS_MAX);
        errors::check(constraints)?;
        let page = page::parse(input.limit, input.marker.as_deref())?;
        let (snapshot, place) = (context.keys.snapshot(), place(context));
        let keys = snapshot.keys_of(&place, context.now_ms);
        let grants = keys.flat_map(|key| key.grants.iter().map(move |grant| (key, grant)));
        let grants = grants.filter(|(_, grant)| grant.retiring.as_deref() == retiring);
        let cut = page.of(grants, |(key, grant)| format!("{} {}", key.id, grant.id));
        let (grants, more) = page::cut(cut, |(key, grant)| Listed::of(key, grant));
        Ok(Output { grants, more })
    }
}
