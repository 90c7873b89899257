//! `UntagUser`: removes tags from a user.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::{names, principals, tags};
use crate::identities::User;
use crate::services::member_list::MemberList;
use crate::services::{Context, InputKeys, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct UntagUser;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    user_name: Option<String>,
    #[serde(default)]
    tag_keys: MemberList<String>,
}

impl Operation for UntagUser {
    const NAME: &'static str = "UntagUser";
    const IAM_ACTION: &'static str = "iam:UntagUser";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("user", input.user_name.clone())
    }

    fn keys(input: &Input) -> InputKeys {
        InputKeys::default().with("aws:TagKeys", input.tag_keys.0.iter().cloned())
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let name = names::user(input.user_name)?;
        principals::update(context, name, move |user: &mut User, _, _| {
            tags::remove(&mut user.tags, &input.tag_keys);
            Ok(())
        })
        .await?;
        Ok(NoOutput {})
    }
}
