//! `ListKeyPolicies`: the names of the policies of a key: there is one.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::page::{self, More};
use super::{named_key, policies};
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct ListKeyPolicies;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    key_id: Option<String>,
    #[serde(default)]
    limit: Option<i64>,
    #[serde(default)]
    marker: Option<String>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    policy_names: Vec<&'static str>,
    #[serde(flatten)]
    more: More,
}

impl Operation for ListKeyPolicies {
    const NAME: &'static str = "ListKeyPolicies";
    const IAM_ACTION: &'static str = "kms:ListKeyPolicies";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        named_key::resource(&input.key_id)
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        named_key::found_by_id(context, &input.key_id)?;
        let page = page::parse(input.limit, input.marker.as_deref())?;
        let names = page.of([policies::NAME].into_iter(), |name| (*name).to_owned());
        let (policy_names, more) = page::cut(names, |name| name);
        Ok(Output { policy_names, more })
    }
}
