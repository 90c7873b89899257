//! `GetGroupPolicy`: an inline policy of a group.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::{inline_policies, names};
use crate::identities::Group;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct GetGroupPolicy;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    group_name: Option<String>,
    #[serde(default)]
    policy_name: Option<String>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    group_name: String,
    policy_name: String,
    policy_document: String,
}

impl Operation for GetGroupPolicy {
    const NAME: &'static str = "GetGroupPolicy";
    const IAM_ACTION: &'static str = "iam:GetGroupPolicy";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("group", input.group_name.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let name = names::group(input.group_name)?;
        let policy_name = names::policy(input.policy_name)?;
        let (group_name, policy_document) =
            inline_policies::get::<Group>(context, &name, &policy_name)?;
        Ok(Output { group_name, policy_name, policy_document })
    }
}
