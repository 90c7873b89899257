//! `RevokeGrant`: a grant ends, by whoever the policy of the key lets.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::{errors, grants, named_key};
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct RevokeGrant;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    key_id: Option<String>,
    #[serde(default)]
    grant_id: Option<String>,
    #[serde(default)]
    dry_run: Option<bool>,
}

impl Operation for RevokeGrant {
    const NAME: &'static str = "RevokeGrant";
    const IAM_ACTION: &'static str = "kms:RevokeGrant";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        named_key::resource(&input.key_id)
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let (id, dry_run) = (input.grant_id, input.dry_run);
        let constraints = named_key::constraints(&input.key_id);
        errors::check(constraints.required("grantId", id.as_deref(), 1, 128))?;
        grants::end(context, &input.key_id, id.unwrap_or_default(), dry_run).await
    }
}
