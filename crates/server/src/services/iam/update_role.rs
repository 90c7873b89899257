//! `UpdateRole`: another description or longest session for a role.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::role_settings::RoleSettings;
use super::{names, principals};
use crate::identities::Role;
use crate::services::{Context, NoOutput, Operation, Resource};

/// The operation.
pub(super) struct UpdateRole;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    role_name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    max_session_duration: Option<i64>,
}

impl Operation for UpdateRole {
    const NAME: &'static str = "UpdateRole";
    const IAM_ACTION: &'static str = "iam:UpdateRole";
    type Input = Input;
    type Output = NoOutput;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("role", input.role_name.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let settings = RoleSettings::parse(input.description, input.max_session_duration)?;
        let name = names::role(input.role_name)?;
        principals::update(context, name, move |role: &mut Role, _, _| {
            settings.apply(role);
            Ok(())
        })
        .await?;
        Ok(NoOutput {})
    }
}
