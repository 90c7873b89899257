//! `DeleteRole`: removes a role without policies.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::{names, principals};
use crate::identities::{Role, Snapshot};
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct DeleteRole;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    role_name: Option<String>,
}

impl Operation for DeleteRole {
    const NAME: &'static str = "DeleteRole";
    const IAM_ACTION: &'static str = "iam:DeleteRole";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("role", input.role_name.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let name = names::role(input.role_name)?;
        principals::delete(context, name, |_: &Role, _: &Snapshot| false).await?;
        Ok(NoOutput {})
    }
}
