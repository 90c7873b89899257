//! `CreateRole`: a new role.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::descriptions::{Detail, RoleDescription};
use super::limits::ROLES_MAX;
use super::role_settings::{self, RoleSettings};
use super::tags;
use super::{attachments, names, principals};
use crate::identities::{Draft, Role};
use crate::services::tag::{self, TagList};
use crate::services::{Context, InputKeys, Operation, Resource};

/// The operation.
pub(super) struct CreateRole;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    role_name: Option<String>,
    #[serde(default)]
    assume_role_policy_document: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    max_session_duration: Option<i64>,
    #[serde(default)]
    permissions_boundary: Option<String>,
    #[serde(default)]
    tags: TagList,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    role: RoleDescription,
}

impl Operation for CreateRole {
    const NAME: &'static str = "CreateRole";
    const IAM_ACTION: &'static str = "iam:CreateRole";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        Resource::NewIamEntity("role", input.path.clone(), input.role_name.clone())
    }

    fn keys(input: &Input) -> InputKeys {
        let arn = input.permissions_boundary.as_ref();
        let keys = InputKeys::default().with_given("iam:PermissionsBoundary", arn);
        keys.with_tags(&tag::given(&input.tags))
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let settings = RoleSettings::parse(input.description, input.max_session_duration)?;
        let name = names::role(input.role_name)?;
        let path = names::path(input.path)?;
        let trust_policy = role_settings::trust_policy(
            "assumeRolePolicyDocument",
            input.assume_role_policy_document,
        )?;
        let boundary = names::boundary(input.permissions_boundary)?;
        let account = context.identity.account.to_string();
        let decide = move |draft: &mut Draft, now_ms| {
            let mut role = Role::new(&account, &path, &name, trust_policy, now_ms);
            tags::merge(&mut role.tags, &input.tags)?;
            if let Some(arn) = &boundary {
                attachments::usable(draft.snapshot(), &account, arn)?;
            }
            role.boundary = boundary;
            settings.apply(&mut role);
            principals::create(draft, role, ("RolesPerAccount", ROLES_MAX))
        };
        let role = context.identities.change(decide).await?;
        Ok(Output { role: RoleDescription::of(&role, Detail::Full) })
    }
}
