//! `ListGrants`: the grants of a key.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::grants::Listed;
use super::named_key;
use super::page::{self, More};
use crate::keys::Grant;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct ListGrants;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    key_id: Option<String>,
    #[serde(default)]
    grant_id: Option<String>,
    #[serde(default)]
    grantee_principal: Option<String>,
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

impl Operation for ListGrants {
    const NAME: &'static str = "ListGrants";
    const IAM_ACTION: &'static str = "kms:ListGrants";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        named_key::resource(&input.key_id)
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let key = named_key::found_by_id(context, &input.key_id)?;
        let page = page::parse(input.limit, input.marker.as_deref())?;
        let is_it =
            |given: &Option<String>, it: &str| given.as_ref().is_none_or(|given| given == it);
        let is_listed = |grant: &&Grant| {
            is_it(&input.grant_id, &grant.id) && is_it(&input.grantee_principal, &grant.grantee)
        };
        let grants = key.grants.iter().filter(is_listed);
        let cut = page.of(grants, |grant| grant.id.clone());
        let (grants, more) = page::cut(cut, |grant| Listed::of(&key, grant));
        Ok(Output { grants, more })
    }
}
