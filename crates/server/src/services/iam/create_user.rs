//! `CreateUser`: a new user.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::descriptions::{Detail, UserDescription};
use super::limits::USERS_MAX;
use super::tags;
use super::{attachments, names, principals};
use crate::identities::{Draft, User};
use crate::services::tag::{self, TagList};
use crate::services::{Context, InputKeys, Operation, Resource};

/// The operation.
pub(super) struct CreateUser;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    user_name: Option<String>,
    #[serde(default)]
    permissions_boundary: Option<String>,
    #[serde(default)]
    tags: TagList,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    user: UserDescription,
}

impl Operation for CreateUser {
    const NAME: &'static str = "CreateUser";
    const IAM_ACTION: &'static str = "iam:CreateUser";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        Resource::NewIamEntity("user", input.path.clone(), input.user_name.clone())
    }

    fn keys(input: &Input) -> InputKeys {
        let arn = input.permissions_boundary.as_ref();
        let keys = InputKeys::default().with_given("iam:PermissionsBoundary", arn);
        keys.with_tags(&tag::given(&input.tags))
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let name = names::user(input.user_name)?;
        let path = names::path(input.path)?;
        let boundary = names::boundary(input.permissions_boundary)?;
        let account = context.identity.account.to_string();
        let decide = move |draft: &mut Draft, now_ms| {
            let mut user = User::new(&account, &path, &name, now_ms);
            tags::merge(&mut user.tags, &input.tags)?;
            if let Some(arn) = &boundary {
                attachments::usable(draft.snapshot(), &account, arn)?;
            }
            user.boundary = boundary;
            principals::create(draft, user, ("UsersPerAccount", USERS_MAX))
        };
        let user = context.identities.change(decide).await?;
        Ok(Output { user: UserDescription::of(&user, Detail::Full) })
    }
}
