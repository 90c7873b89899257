//! `GetUserPolicy`: an inline policy of a user.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::{inline_policies, names};
use crate::identities::User;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct GetUserPolicy;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    user_name: Option<String>,
    #[serde(default)]
    policy_name: Option<String>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    user_name: String,
    policy_name: String,
    policy_document: String,
}

impl Operation for GetUserPolicy {
    const NAME: &'static str = "GetUserPolicy";
    const IAM_ACTION: &'static str = "iam:GetUserPolicy";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("user", input.user_name.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let name = names::user(input.user_name)?;
        let policy_name = names::policy(input.policy_name)?;
        let (user_name, policy_document) =
            inline_policies::get::<User>(context, &name, &policy_name)?;
        Ok(Output { user_name, policy_name, policy_document })
    }
}
