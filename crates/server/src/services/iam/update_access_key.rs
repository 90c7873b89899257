//! `UpdateAccessKey`: whether an access key is accepted.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::key_owner::{self, KeyOwner};
use crate::identities::{AccessKey, KeyStatus, Snapshot};
use crate::services::constraints::Constraints;
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct UpdateAccessKey;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    user_name: Option<String>,
    #[serde(default)]
    access_key_id: Option<String>,
    #[serde(default)]
    status: Option<String>,
}

impl Operation for UpdateAccessKey {
    const NAME: &'static str = "UpdateAccessKey";
    const IAM_ACTION: &'static str = "iam:UpdateAccessKey";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("user", input.user_name.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let id = key_owner::key_id(input.access_key_id)?;
        let status = input.status.as_deref();
        Constraints::new()
            .required("status", status, 1, usize::MAX)
            .one_of("status", status, &["Active", "Inactive"])
            .check()?;
        let status = match status {
            Some("Active") => KeyStatus::Active,
            Some(_) | None => KeyStatus::Inactive,
        };
        let owner = KeyOwner::of(context, input.user_name)?;
        let update = move |keys: &mut Vec<AccessKey>, _: &Snapshot, _now_ms| {
            key_owner::existing(keys, &id)?.status = status;
            Ok(())
        };
        owner.change(context, update).await?;
        Ok(NoOutput {})
    }
}
