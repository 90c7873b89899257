//! `GetContextKeysForCustomPolicy`: the condition keys and variables that policies in the request name.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::context_keys::ContextKeys;
use crate::services::constraints::Constraints;
use crate::services::member_list::MemberList;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct GetContextKeysForCustomPolicy;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    policy_input_list: MemberList<String>,
}

impl Operation for GetContextKeysForCustomPolicy {
    const NAME: &'static str = "GetContextKeysForCustomPolicy";
    const IAM_ACTION: &'static str = "iam:GetContextKeysForCustomPolicy";
    type Input = Input;
    type Output = ContextKeys;

    fn resource(_: &Input) -> Resource {
        Resource::Account
    }

    async fn run(_: &Context, input: Input) -> Result<ContextKeys, AwsError> {
        let texts = input.policy_input_list.0;
        Constraints::new().given("policyInputList", texts.first()).check()?;
        ContextKeys::of(&texts)
    }
}
