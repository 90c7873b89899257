//! `CreatePolicy`: a new managed policy.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::descriptions::{Detail, PolicyDescription};
use super::limits::{DESCRIPTION_CHARS_MAX, POLICIES_MAX};
use super::tags;
use super::{errors, names, policies};
use crate::identities::{Draft, ManagedPolicy};
use crate::services::constraints::Constraints;
use crate::services::tag::{self, TagList};
use crate::services::{Context, InputKeys, Operation, Resource};

/// The operation.
pub(super) struct CreatePolicy;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    policy_name: Option<String>,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    policy_document: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    tags: TagList,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    policy: PolicyDescription,
}

impl Operation for CreatePolicy {
    const NAME: &'static str = "CreatePolicy";
    const IAM_ACTION: &'static str = "iam:CreatePolicy";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        Resource::NewIamEntity("policy", input.path.clone(), input.policy_name.clone())
    }

    fn keys(input: &Input) -> InputKeys {
        InputKeys::default().with_tags(&tag::given(&input.tags))
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let name = names::policy(input.policy_name)?;
        let path = names::path(input.path)?;
        let document = policies::document(input.policy_document)?;
        let description = input.description.as_deref();
        Constraints::new().text("description", description, 0, DESCRIPTION_CHARS_MAX).check()?;
        let account = context.identity.account.to_string();
        let decide = move |draft: &mut Draft, now_ms| {
            let snapshot = draft.snapshot();
            if !policies::is_free(snapshot, &account, &name) {
                return Err(errors::entity_already_exists(format!(
                    "A policy called {name} already exists. Duplicate names are not allowed."
                )));
            }
            if snapshot.of_account::<ManagedPolicy>(&account).count() >= POLICIES_MAX {
                return Err(errors::quota("PoliciesPerAccount", POLICIES_MAX));
            }
            let mut policy = ManagedPolicy::new(&account, &path, &name, document, now_ms);
            policy.description = input.description;
            tags::merge(&mut policy.tags, &input.tags)?;
            draft.put(policy.clone());
            Ok(PolicyDescription::of(&policy, &account, draft.snapshot(), Detail::Full))
        };
        Ok(Output { policy: context.identities.change(decide).await? })
    }
}
