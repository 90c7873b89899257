//! `CreateAccessKey`: a new access key of a user, with its secret.

use serde::{Deserialize, Serialize};
use sluice_wire::{AwsError, Timestamp};

use super::key_owner::KeyOwner;
use super::limits::ACCESS_KEYS_MAX;
use super::{descriptions, errors};
use crate::identities::{AccessKey, Secret, Snapshot};
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct CreateAccessKey;

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
    access_key: CreatedKey,
}

impl Operation for CreateAccessKey {
    const NAME: &'static str = "CreateAccessKey";
    const IAM_ACTION: &'static str = "iam:CreateAccessKey";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("user", input.user_name.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let owner = KeyOwner::of(context, input.user_name)?;
        let account = context.identity.account.to_string();
        let (user_name, _) = owner.keys(context)?;
        let create = move |keys: &mut Vec<AccessKey>, snapshot: &Snapshot, now_ms| {
            if keys.len() >= ACCESS_KEYS_MAX {
                return Err(errors::quota("AccessKeysPerUser", ACCESS_KEYS_MAX));
            }
            let is_taken = |id: &str| snapshot.access_key(id).is_some();
            let key = AccessKey::new(&account, now_ms, is_taken);
            keys.push(key.clone());
            Ok(key)
        };
        let key = owner.change(context, create).await?;
        let access_key = CreatedKey {
            user_name,
            access_key_id: key.id,
            status: descriptions::status(key.status),
            secret_access_key: key.secret,
            create_date: Timestamp(key.created_at_ms),
        };
        Ok(Output { access_key })
    }
}

/// The key, with the secret that is shown only here.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct CreatedKey {
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<String>,
    access_key_id: String,
    status: &'static str,
    secret_access_key: Secret,
    create_date: Timestamp,
}
