//! `GetPolicyVersion`: a version of a managed policy, with its document.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::descriptions::VersionDescription;
use super::{names, policies};
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct GetPolicyVersion;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    policy_arn: Option<String>,
    #[serde(default)]
    version_id: Option<String>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    policy_version: VersionDescription,
}

impl Operation for GetPolicyVersion {
    const NAME: &'static str = "GetPolicyVersion";
    const IAM_ACTION: &'static str = "iam:GetPolicyVersion";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        Resource::ManagedPolicy(input.policy_arn.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let arn = names::arn("policyArn", input.policy_arn)?;
        let number = policies::version_number(&arn, input.version_id)?;
        let policy = policies::found(context, &arn)?;
        let version = policies::version(&policy, number)?;
        Ok(Output { policy_version: VersionDescription::with_document(&policy, version) })
    }
}
