//! `PutKeyPolicy`: a key gets another policy.

use serde::Deserialize;
use sluice_wire::AwsError;

use super::{errors, named_key, policies};
use crate::keys::{Key, Keys};
use crate::services::{Context, InputKeys, NoOutput, Operation, OutputShape, Resource};

/// The operation.
pub(super) struct PutKeyPolicy;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    key_id: Option<String>,
    #[serde(default)]
    policy_name: Option<String>,
    #[serde(default)]
    policy: Option<String>,
    #[serde(default)]
    bypass_policy_lockout_safety_check: Option<bool>,
}

impl Operation for PutKeyPolicy {
    const NAME: &'static str = "PutKeyPolicy";
    const IAM_ACTION: &'static str = "kms:PutKeyPolicy";
    type Input = Input;
    type Output = NoOutput;
    const OUTPUT: OutputShape = OutputShape::None;

    fn resource(input: &Input) -> Resource {
        named_key::resource(&input.key_id)
    }

    fn keys(input: &Input) -> InputKeys {
        let bypass = input.bypass_policy_lockout_safety_check.unwrap_or(false);
        InputKeys::default().with("kms:BypassPolicyLockoutSafetyCheck", [bypass.to_string()])
    }

    async fn run(context: &Context, input: Input) -> Result<NoOutput, AwsError> {
        let constraints = named_key::constraints(&input.key_id);
        errors::check(constraints.given("policy", input.policy.as_ref()))?;
        policies::check_name(input.policy_name.as_deref())?;
        let policy = policies::parse(input.policy)?.unwrap_or_default();
        let key = named_key::found_by_id(context, &input.key_id)?;
        named_key::check_manager(&key)?;
        let changed = Key { policy: policy.clone(), ..Key::clone(&key) };
        policies::check_lockout(context, &changed, input.bypass_policy_lockout_safety_check)?;
        let change = |_: &Keys, key: &mut Key, _: u64| {
            key.policy = policy;
            Ok(NoOutput {})
        };
        named_key::change(context, &input.key_id, change).await
    }
}
