//! `CreatePolicyVersion`: another version of a managed policy.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::descriptions::VersionDescription;
use super::limits::VERSIONS_MAX;
use super::{errors, policies};
use crate::identities::PolicyVersion;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct CreatePolicyVersion;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    policy_arn: Option<String>,
    #[serde(default)]
    policy_document: Option<String>,
    #[serde(default)]
    set_as_default: Option<bool>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    policy_version: VersionDescription,
}

impl Operation for CreatePolicyVersion {
    const NAME: &'static str = "CreatePolicyVersion";
    const IAM_ACTION: &'static str = "iam:CreatePolicyVersion";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        Resource::ManagedPolicy(input.policy_arn.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let document = policies::document(input.policy_document)?;
        let policy_version = policies::update(context, input.policy_arn, move |policy, now_ms| {
            if policy.versions.len() >= VERSIONS_MAX {
                return Err(errors::limit_exceeded(format!(
                    "A managed policy can have up to {VERSIONS_MAX} versions. Before you create a \
                     new version, you must delete an existing version."
                )));
            }
            let version =
                PolicyVersion { number: policy.next_version, document, created_at_ms: now_ms };
            policy.next_version += 1;
            policy.versions.push(version.clone());
            if input.set_as_default == Some(true) {
                policy.set_default(version.number, now_ms);
            }
            Ok(VersionDescription::of(policy, &version))
        })
        .await?;
        Ok(Output { policy_version })
    }
}
