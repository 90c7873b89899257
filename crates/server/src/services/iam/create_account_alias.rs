//! `CreateAccountAlias`: a name for the account, in the place of the one that it has.

use std::sync::Arc;

use serde::Deserialize;
use sluice_wire::AwsError;

use super::{errors, names};
use crate::identities::{Account, Draft};
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct CreateAccountAlias;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    account_alias: Option<String>,
}

impl Operation for CreateAccountAlias {
    const NAME: &'static str = "CreateAccountAlias";
    const IAM_ACTION: &'static str = "iam:CreateAccountAlias";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(_: &Input) -> Resource {
        Resource::Account
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let alias = names::account_alias(input.account_alias)?;
        let id = context.identity.account.to_string();
        let decide = move |draft: &mut Draft, _now_ms| {
            let is_it = |account: &Arc<Account>| account.alias.as_ref() == Some(&alias);
            if draft.snapshot().all::<Account>().any(is_it) {
                return Err(errors::alias_exists(&alias));
            }
            let stored = Account::stored(draft.snapshot(), &id);
            draft.put(Account { alias: Some(alias), ..stored });
            Ok(())
        };
        context.identities.change(decide).await?;
        Ok(NoOutput {})
    }
}
