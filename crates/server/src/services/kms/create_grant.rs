//! `CreateGrant`: somebody may do something with a key, besides what its policy says.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::limits::PRINCIPAL_CHARS_MAX;
use super::{encryption, errors, grants, named_key};
use crate::keys::{GRANT_OPERATIONS, Grant, Key, Keys};
use crate::services::{Context, InputKeys, Operation, Resource};

/// The operation.
pub(super) struct CreateGrant;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    key_id: Option<String>,
    #[serde(default)]
    grantee_principal: Option<String>,
    #[serde(default)]
    retiring_principal: Option<String>,
    #[serde(default)]
    operations: Option<Vec<String>>,
    #[serde(default)]
    constraints: Option<grants::Constraints>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    dry_run: Option<bool>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    grant_token: String,
    grant_id: String,
}

impl Operation for CreateGrant {
    const NAME: &'static str = "CreateGrant";
    const IAM_ACTION: &'static str = "kms:CreateGrant";
    type Input = Input;
    type Output = Output;

    fn resource(input: &Input) -> Resource {
        named_key::resource(&input.key_id)
    }

    fn keys(input: &Input) -> InputKeys {
        let one = |principal: &Option<String>| principal.clone();
        InputKeys::default()
            .with("kms:GrantIsForAWSResource", ["false".to_owned()])
            .with("kms:GrantOperations", input.operations.iter().flatten().cloned())
            .with_given("kms:GranteePrincipal", one(&input.grantee_principal).as_ref())
            .with_given("kms:RetiringPrincipal", one(&input.retiring_principal).as_ref())
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        check(&input)?;
        let grantee = input.grantee_principal.unwrap_or_default();
        let grant = Grant {
            id: Grant::new_id(),
            name: input.name,
            grantee_id: grants::unique_id(context, &grantee),
            grantee,
            retiring: input.retiring_principal,
            operations: input.operations.into_iter().flatten().collect(),
            constraint: grants::constraint(input.constraints)?,
            issuer: context.identity.account.to_string(),
            created_at_ms: context.now_ms,
        };
        let dry_run = input.dry_run;
        let change = move |_: &Keys, key: &mut Key, _: u64| {
            key.check_usable()?;
            let grant = grants::add(key, grant)?;
            encryption::check_dry_run(dry_run)?;
            Ok(Output { grant_token: grant.token(&key.arn()), grant_id: grant.id })
        };
        named_key::change(context, &input.key_id, change).await
    }
}

fn check(input: &Input) -> Result<(), AwsError> {
    let (grantee, retiring) =
        (input.grantee_principal.as_deref(), input.retiring_principal.as_deref());
    let mut constraints = named_key::constraints(&input.key_id)
        .required("granteePrincipal", grantee, 1, PRINCIPAL_CHARS_MAX)
        .text("retiringPrincipal", retiring, 1, PRINCIPAL_CHARS_MAX)
        .given("operations", input.operations.as_ref())
        .text("name", input.name.as_deref(), 1, 256);
    for operation in input.operations.iter().flatten() {
        constraints = constraints.one_of("operations", Some(operation), &GRANT_OPERATIONS);
    }
    errors::check(grants::with_constraints(constraints, input.constraints.as_ref()))?;
    [grantee, retiring].into_iter().flatten().try_for_each(grants::check_principal)
}
