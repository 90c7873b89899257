//! `UntagRole`: removes tags from a role.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::{names, principals, tags};
use crate::identities::Role;
use crate::services::member_list::MemberList;
use crate::services::{Context, InputKeys, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct UntagRole;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    role_name: Option<String>,
    #[serde(default)]
    tag_keys: MemberList<String>,
}

impl Operation for UntagRole {
    const NAME: &'static str = "UntagRole";
    const IAM_ACTION: &'static str = "iam:UntagRole";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("role", input.role_name.clone())
    }

    fn keys(input: &Input) -> InputKeys {
        InputKeys::default().with("aws:TagKeys", input.tag_keys.0.iter().cloned())
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let name = names::role(input.role_name)?;
        principals::update(context, name, move |role: &mut Role, _, _| {
            tags::remove(&mut role.tags, &input.tag_keys);
            Ok(())
        })
        .await?;
        Ok(NoOutput {})
    }
}
