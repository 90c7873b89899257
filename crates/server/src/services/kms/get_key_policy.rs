//! `GetKeyPolicy`: the policy of a key.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::{named_key, policies};
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct GetKeyPolicy;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    key_id: Option<String>,
    #[serde(default)]
    policy_name: Option<String>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    policy: String,
    policy_name: &'static str,
}

impl Operation for GetKeyPolicy {
    const NAME: &'static str = "GetKeyPolicy";
    const IAM_ACTION: &'static str = "kms:GetKeyPolicy";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        named_key::resource(&input.key_id)
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let key = named_key::found_by_id(context, &input.key_id)?;
        policies::check_name(input.policy_name.as_deref())?;
        Ok(Output { policy: key.policy.clone(), policy_name: policies::NAME })
    }
}
