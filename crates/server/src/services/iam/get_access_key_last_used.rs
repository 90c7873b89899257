//! `GetAccessKeyLastUsed`: when an access key was last used, and for what.

use serde::{Deserialize, Serialize};
use sluice_wire::{AwsError, Timestamp};

use super::{errors, key_owner};
use crate::identities::Holder;
use crate::services::{Context, Operation, Resource};

/// In the place of a service and a region when there are none.
const NONE: &str = "N/A";

/// The operation.
pub(super) struct GetAccessKeyLastUsed;

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
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<String>,
    access_key_last_used: LastUsed,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct LastUsed {
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_date: Option<Timestamp>,
    service_name: String,
    region: String,
}

impl Operation for GetAccessKeyLastUsed {
    const NAME: &'static str = "GetAccessKeyLastUsed";
    const IAM_ACTION: &'static str = "iam:GetAccessKeyLastUsed";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        Resource::AccessKey(input.access_key_id.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let id = key_owner::key_id(input.access_key_id)?;
        let key = context.identities.access_key(&id);
        let key = key.filter(|key| key.account == context.identity.account);
        let key = key.ok_or_else(|| errors::no_such_access_key(&id))?;
        let user_name = match &key.holder {
            Holder::User { name, .. } => Some(name.to_string()),
            Holder::Root | Holder::Role(_) | Holder::FederatedUser(_) => None,
        };
        let access_key_last_used = match key.last_use() {
            Some(last) => LastUsed {
                last_used_date: Some(Timestamp(last.at_ms)),
                service_name: last.service,
                region: last.region,
            },
            None => LastUsed {
                last_used_date: None,
                service_name: NONE.to_owned(),
                region: NONE.to_owned(),
            },
        };
        Ok(Output { user_name, access_key_last_used })
    }
}
