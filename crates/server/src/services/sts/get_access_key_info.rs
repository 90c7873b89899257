//! `GetAccessKeyInfo`: the account of an access key, which its id tells.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use crate::identities::account_of;
use crate::services::constraints::{Constraints, is_word, refused};
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct GetAccessKeyInfo;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    access_key_id: Option<String>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    account: String,
}

impl Operation for GetAccessKeyInfo {
    const NAME: &'static str = "GetAccessKeyInfo";
    const IAM_ACTION: &'static str = "sts:GetAccessKeyInfo";
    type Input = Input;
    type Output = Output;

    fn resource(_: &Input) -> Resource {
        Resource::Account
    }

    async fn run(_: &Context, input: Input) -> Result<Output, AwsError> {
        let id = input.access_key_id.as_deref();
        Constraints::new()
            .required("accessKeyId", id, 16, 128)
            .pattern("accessKeyId", id, "[\\w]*", is_word)
            .check()?;
        let account = id.and_then(account_of);
        let account = account.ok_or_else(|| refused("Invalid value for parameter AccessKeyId."))?;
        Ok(Output { account })
    }
}
