//! `ListAliases`: the aliases of the account and region, or of a key, by name.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::key_metadata::seconds;
use super::named_key;
use super::page::{self, More};
use super::target::place;
use crate::keys::Alias;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct ListAliases;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    key_id: Option<String>,
    #[serde(default)]
    limit: Option<i64>,
    #[serde(default)]
    marker: Option<String>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    aliases: Vec<Listed>,
    #[serde(flatten)]
    more: More,
}

impl Operation for ListAliases {
    const NAME: &'static str = "ListAliases";
    const IAM_ACTION: &'static str = "kms:ListAliases";
    type Input = Input;
    type Output = Output;

    fn resource(_: &Input) -> Resource {
        Resource::Account
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let key = match &input.key_id {
            Some(_) => Some(named_key::found_by_id(context, &input.key_id)?),
            None => None,
        };
        let page = page::parse(input.limit, input.marker.as_deref())?;
        let (snapshot, place) = (context.keys.snapshot(), place(context));
        let is_listed = |alias: &&Arc<Alias>| match &key {
            Some(key) => alias.key_id == key.id,
            None => true,
        };
        let aliases = snapshot.aliases_of(&place).filter(is_listed);
        let cut = page.of(aliases, |alias| alias.name.clone());
        let (aliases, more) = page::cut(cut, |alias| Listed {
            alias_name: alias.name.clone(),
            alias_arn: alias.arn(),
            target_key_id: alias.key_id.clone(),
            creation_date: seconds(alias.created_at_ms),
            last_updated_date: seconds(alias.updated_at_ms),
        });
        Ok(Output { aliases, more })
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    alias_name: String,
    alias_arn: String,
    target_key_id: String,
    creation_date: f64,
    last_updated_date: f64,
}
