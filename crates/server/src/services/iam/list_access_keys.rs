//! `ListAccessKeys`: the access keys of a user, without their secrets.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::descriptions::KeyDescription;
use super::key_owner::KeyOwner;
use super::page::{Cut, Page};
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct ListAccessKeys;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    user_name: Option<String>,
    #[serde(default)]
    marker: Option<String>,
    #[serde(default)]
    max_items: Option<i64>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    access_key_metadata: Vec<KeyDescription>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

impl Operation for ListAccessKeys {
    const NAME: &'static str = "ListAccessKeys";
    const IAM_ACTION: &'static str = "iam:ListAccessKeys";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        Resource::IamEntity("user", input.user_name.clone())
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let page = Page::parse(input.marker.as_deref(), input.max_items)?;
        let (user_name, mut keys) = KeyOwner::of(context, input.user_name)?.keys(context)?;
        keys.sort_by(|one, other| one.id.cmp(&other.id));
        let Cut { items, is_truncated, marker } = page.of(keys.into_iter(), |key| key.id.clone());
        let described = items.iter().map(|key| KeyDescription::of(key, user_name.clone()));
        Ok(Output { access_key_metadata: described.collect(), is_truncated, marker })
    }
}
