//! `GetSessionToken`: temporary credentials of the caller, who has permanent ones.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::credentials::Credentials;
use super::errors;
use crate::identities::{Session, Subject};
use crate::services::constraints::Constraints;
use crate::services::{Context, Operation, Resource};

/// How long they last, s.
const SECS_MIN: i64 = 900;
const SECS_MAX: i64 = 129_600;
const SECS_DEFAULT: u32 = 43_200;
/// Those of an account's root last for at most an hour.
const ROOT_SECS_MAX: u32 = 3_600;

/// The operation.
pub(super) struct GetSessionToken;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    duration_seconds: Option<i64>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    credentials: Credentials,
}

impl Operation for GetSessionToken {
    const NAME: &'static str = "GetSessionToken";
    const IAM_ACTION: &'static str = "sts:GetSessionToken";
    type Input = Input;
    type Output = Output;

    fn resource(_: &Input) -> Resource {
        Resource::Caller
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let given = input.duration_seconds;
        Constraints::new().number("durationSeconds", given, SECS_MIN, SECS_MAX).check()?;
        let secs = given.and_then(|secs| u32::try_from(secs).ok()).unwrap_or(SECS_DEFAULT);
        let identity = &context.identity;
        if identity.credentials().is_some_and(|key| key.issued_at_ms.is_some()) {
            let text = "Cannot call GetSessionToken with session credentials";
            return Err(errors::access_denied(text));
        }
        let (subject, secs) = match identity.user_name() {
            Some(name) => {
                let (name, unique_id) = (name.into_owned(), identity.sender_id());
                (Subject::User { name, unique_id }, secs)
            }
            None => (Subject::Root, secs.min(ROOT_SECS_MAX)),
        };
        let session = Session::new(&identity.account, subject, context.now_ms, secs);
        Ok(Output { credentials: Credentials::of(context, &session) })
    }
}
