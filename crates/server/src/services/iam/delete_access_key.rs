//! `DeleteAccessKey`: removes an access key.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::key_owner::{self, KeyOwner};
use crate::identities::{AccessKey, Snapshot};
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct DeleteAccessKey;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    user_name: Option<String>,
    #[serde(default)]
    access_key_id: Option<String>,
}

impl Operation for DeleteAccessKey {
    const NAME: &'static str = "DeleteAccessKey";
    const IAM_ACTION: &'static str = "iam:DeleteAccessKey";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("user", input.user_name.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let id = key_owner::key_id(input.access_key_id)?;
        let owner = KeyOwner::of(context, input.user_name)?;
        let remove = move |keys: &mut Vec<AccessKey>, _: &Snapshot, _now_ms| {
            key_owner::existing(keys, &id)?;
            keys.retain(|key| key.id != id);
            Ok(())
        };
        owner.change(context, remove).await?;
        Ok(NoOutput {})
    }
}
