//! `GetCallerIdentity`: who calls. Everyone may ask.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct GetCallerIdentity;

/// Request.
#[derive(Debug, Deserialize)]
pub(super) struct Input {}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    user_id: String,
    account: String,
    arn: String,
}

impl Operation for GetCallerIdentity {
    const NAME: &'static str = "GetCallerIdentity";
    const IAM_ACTION: &'static str = "sts:GetCallerIdentity";
    type Input = Input;
    type Output = Output;

    fn resource(_: &Input) -> Resource {
        Resource::Caller
    }

    async fn run(context: &Context, _: Input) -> Result<Output, AwsError> {
        let identity = &context.identity;
        Ok(Output {
            user_id: identity.sender_id(),
            account: identity.account.to_string(),
            arn: identity.principal_arn(),
        })
    }
}
