//! `ListAccountAliases`: the alias of the account, if it has one.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::page::{Cut, Page};
use crate::identities::Account;
use crate::services::{Context, Operation, Resource};

/// The operation.
pub(super) struct ListAccountAliases;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    marker: Option<String>,
    #[serde(default)]
    max_items: Option<i64>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    account_aliases: Vec<String>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

impl Operation for ListAccountAliases {
    const NAME: &'static str = "ListAccountAliases";
    const IAM_ACTION: &'static str = "iam:ListAccountAliases";
    type Input = Input;
    type Output = Output;

    fn resource(_: &Input) -> Resource {
        Resource::Account
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        let page = Page::parse(input.marker.as_deref(), input.max_items)?;
        let account = Account::stored(&context.identities.snapshot(), &context.identity.account);
        let Cut { items: account_aliases, is_truncated, marker } =
            page.of(account.alias.into_iter(), String::clone);
        Ok(Output { account_aliases, is_truncated, marker })
    }
}
