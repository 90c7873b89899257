//! `DeletePolicy`: removes a managed policy that is attached to nothing.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::{attachments, errors, names, policies};
use crate::identities::{Draft, Entity, ManagedPolicy};
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct DeletePolicy;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    policy_arn: Option<String>,
}

impl Operation for DeletePolicy {
    const NAME: &'static str = "DeletePolicy";
    const IAM_ACTION: &'static str = "iam:DeletePolicy";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::ManagedPolicy(input.policy_arn.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let arn = names::arn("policyArn", input.policy_arn)?;
        let account = context.identity.account.to_string();
        let decide = move |draft: &mut Draft, _now_ms| {
            let snapshot = draft.snapshot();
            let policy = policies::own(snapshot, &account, &arn)?;
            let uses = attachments::count(snapshot, &account, &arn)
                + attachments::boundary_count(snapshot, &account, &arn);
            if uses > 0 {
                return Err(errors::delete_conflict(
                    "Cannot delete a policy attached to entities.",
                ));
            }
            if policy.versions.len() > 1 {
                return Err(errors::delete_conflict(
                    "This policy has more than one version. Before you delete a policy, you must \
                     delete the policy's versions. The default version is deleted with the policy.",
                ));
            }
            let key = policy.key();
            draft.remove::<ManagedPolicy>(&key);
            Ok(())
        };
        context.identities.change(decide).await?;
        Ok(NoOutput {})
    }
}
