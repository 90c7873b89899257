//! `RetireGrant`: a grant ends, by whoever it lets.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::{errors, grants, named_key};
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct RetireGrant;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    grant_token: Option<String>,
    #[serde(default)]
    key_id: Option<String>,
    #[serde(default)]
    grant_id: Option<String>,
    #[serde(default)]
    dry_run: Option<bool>,
}

impl Operation for RetireGrant {
    const NAME: &'static str = "RetireGrant";
    const IAM_ACTION: &'static str = "kms:RetireGrant";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        let (key, grant) = grants::named(&input.grant_token, &input.key_id, &input.grant_id);
        Resource::KeyGrant { key, grant }
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let (key, grant) = grants::named(&input.grant_token, &input.key_id, &input.grant_id);
        if input.grant_token.is_some() && key.is_none() {
            return Err(errors::invalid_grant_token());
        }
        let constraints = named_key::constraints(&key);
        errors::check(constraints.required("grantId", grant.as_deref(), 1, 128))?;
        grants::end(context, &key, grant.unwrap_or_default(), input.dry_run).await
    }
}
