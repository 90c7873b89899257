//! `UpdateUser`: another name or path for a user.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::limits::NAME_CHARS_MAX;
use super::{errors, names, principals};
use crate::identities::{Draft, Entity, User};
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct UpdateUser;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    user_name: Option<String>,
    #[serde(default)]
    new_path: Option<String>,
    #[serde(default)]
    new_user_name: Option<String>,
}

impl Operation for UpdateUser {
    const NAME: &'static str = "UpdateUser";
    const IAM_ACTION: &'static str = "iam:UpdateUser";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("user", input.user_name.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let name = names::user(input.user_name)?;
        let new_path = input.new_path.map(|path| names::path(Some(path))).transpose()?;
        let new_name = input
            .new_user_name
            .map(|name| names::name_of("newUserName", Some(name), NAME_CHARS_MAX));
        let new_name = new_name.transpose()?;
        let account = context.identity.account.to_string();
        let decide = move |draft: &mut Draft, _now_ms| {
            let user = principals::existing::<User>(draft.snapshot(), &account, &name)?;
            let old = user.key();
            let mut user = User::clone(user);
            user.path = new_path.unwrap_or(user.path);
            user.name = new_name.unwrap_or(user.name);
            if user.key() != old && draft.snapshot().get::<User>(&user.key()).is_some() {
                return Err(errors::already_exists::<User>(&user.name));
            }
            draft.remove::<User>(&old);
            draft.put(user);
            Ok(())
        };
        context.identities.change(decide).await?;
        Ok(NoOutput {})
    }
}
