//! `GetUser`: a user; without a name, the caller.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::descriptions::{Detail, UserDescription};
use super::{names, principals};
use crate::identities::User;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct GetUser;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    user_name: Option<String>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    user: UserDescription,
}

impl Operation for GetUser {
    const NAME: &'static str = "GetUser";
    const IAM_ACTION: &'static str = "iam:GetUser";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("user", input.user_name.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let name = match input.user_name {
            Some(name) => Some(names::user(Some(name))?),
            None => context.identity.user_name().map(Cow::into_owned),
        };
        let user = match name {
            Some(name) => {
                let user = principals::found::<User>(context, &name)?;
                UserDescription::of(&user, Detail::Full)
            }
            None => UserDescription::root(&context.identity.account),
        };
        Ok(Output { user })
    }
}
