//! `ListKeys`: the keys of the account and region, by id.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::page::{self, More};
use super::target::place;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct ListKeys;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    limit: Option<i64>,
    #[serde(default)]
    marker: Option<String>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    keys: Vec<Listed>,
    #[serde(flatten)]
    more: More,
}

impl Operation for ListKeys {
    const NAME: &'static str = "ListKeys";
    const IAM_ACTION: &'static str = "kms:ListKeys";
    type Input = Input;
    type Output = Output;

    fn resource(_: &Input) -> Resource {
        Resource::Account
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let page = page::parse(input.limit, input.marker.as_deref())?;
        let (snapshot, place) = (context.keys.snapshot(), place(context));
        let keys = snapshot.keys_of(&place, context.now_ms);
        let (keys, more) = page::cut(page.of(keys, |key| key.id.clone()), |key| Listed {
            key_id: key.id.clone(),
            key_arn: key.arn(),
        });
        Ok(Output { keys, more })
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    key_id: String,
    key_arn: String,
}
