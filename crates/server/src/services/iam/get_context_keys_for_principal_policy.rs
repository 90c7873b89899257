//! `GetContextKeysForPrincipalPolicy`: the condition keys and variables that the policies of a user, group or role name, with
//! those in the request.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::context_keys::ContextKeys;
use super::policy_source;
use crate::services::member_list::MemberList;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct GetContextKeysForPrincipalPolicy;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    policy_source_arn: Option<String>,
    #[serde(default)]
    policy_input_list: MemberList<String>,
}

impl Operation for GetContextKeysForPrincipalPolicy {
    const NAME: &'static str = "GetContextKeysForPrincipalPolicy";
    const IAM_ACTION: &'static str = "iam:GetContextKeysForPrincipalPolicy";
    type Input = Input;
    type Output = ContextKeys;

    fn resource(input: &Input) -> Resource {
        policy_source::resource(input.policy_source_arn.as_deref())
    }

    async fn run(context: &Context, input: Input) -> Result<ContextKeys, AwsError> {
        let (_, source) = policy_source::found(context, input.policy_source_arn)?;
        let mut texts = source.identity;
        texts.extend(input.policy_input_list.0);
        ContextKeys::of(&texts)
    }
}
