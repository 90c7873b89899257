//! `DeleteAccountAlias`: takes its name from the account.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::{errors, names};
use crate::identities::{Account, Draft};
use crate::services::{Context, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct DeleteAccountAlias;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    account_alias: Option<String>,
}

impl Operation for DeleteAccountAlias {
    const NAME: &'static str = "DeleteAccountAlias";
    const IAM_ACTION: &'static str = "iam:DeleteAccountAlias";
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
            let stored = Account::stored(draft.snapshot(), &id);
            if stored.alias.as_ref() != Some(&alias) {
                return Err(errors::no_such_alias(&alias));
            }
            draft.put(Account { alias: None, ..stored });
            Ok(())
        };
        context.identities.change(decide).await?;
        Ok(NoOutput {})
    }
}
