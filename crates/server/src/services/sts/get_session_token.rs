//! `GetSessionToken`: temporary credentials of the caller, who has permanent ones.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::credentials::Credentials;
use super::permanent_credentials::{self, SECS_MAX, SECS_MIN};
use crate::identities::{Issuer, Session, Subject};
use crate::services::constraints::Constraints;
use crate::services::{Context, Operation, Resource};

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
        let issuer = permanent_credentials::issuer(context, Self::NAME)?;
        let secs = permanent_credentials::secs(given, issuer.as_ref());
        let subject = match issuer {
            Some(Issuer { name, unique_id, .. }) => Subject::User { name, unique_id },
            None => Subject::Root,
        };
        let session = Session::new(&context.identity.account, subject, context.now_ms, secs);
        Ok(Output { credentials: Credentials::of(context, &session)? })
    }
}
