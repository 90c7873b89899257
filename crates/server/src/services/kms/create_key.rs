//! `CreateKey`: a new key.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::key_metadata::{ALGORITHM, KeyMetadata};
use super::limits::{DESCRIPTION_CHARS_MAX, KEYS_MAX};
use super::tags::{self, Tag};
use super::target::place;
use super::{errors, policies};
use crate::identities::Tags;
use crate::keys::{Draft, Key, KeyManager, NewKey};
use crate::services::constraints::Constraints;
use crate::services::{Context, InputKeys, Operation, Resource};

/// The operation.
pub(super) struct CreateKey;

/// Request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Input {
    #[serde(default)]
    policy: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    key_usage: Option<String>,
    #[serde(default)]
    customer_master_key_spec: Option<String>,
    #[serde(default)]
    key_spec: Option<String>,
    #[serde(default)]
    origin: Option<String>,
    #[serde(default)]
    custom_key_store_id: Option<String>,
    #[serde(default)]
    xks_key_id: Option<String>,
    #[serde(default)]
    tags: Option<Vec<Tag>>,
    #[serde(default)]
    multi_region: Option<bool>,
    #[serde(default)]
    bypass_policy_lockout_safety_check: Option<bool>,
}

/// Answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Output {
    key_metadata: KeyMetadata,
}

impl Operation for CreateKey {
    const NAME: &'static str = "CreateKey";
    const IAM_ACTION: &'static str = "kms:CreateKey";
    type Input = Input;
    type Output = Output;

    fn resource(_: &Input) -> Resource {
        Resource::Account
    }

    fn also_needs(input: &Input) -> Vec<(&'static str, Resource)> {
        let is_tagged = input.tags.as_ref().is_some_and(|tags| !tags.is_empty());
        is_tagged.then_some(("kms:TagResource", Resource::Account)).into_iter().collect()
    }

    fn keys(input: &Input) -> InputKeys {
        let bypass = input.bypass_policy_lockout_safety_check.unwrap_or(false);
        let spec = input.key_spec.as_ref().or(input.customer_master_key_spec.as_ref());
        let or = |given: Option<&String>, default: &str| {
            [given.map_or_else(|| default.to_owned(), String::clone)]
        };
        InputKeys::default()
            .with("kms:BypassPolicyLockoutSafetyCheck", [bypass.to_string()])
            .with("kms:KeySpec", or(spec, ALGORITHM))
            .with("kms:KeyUsage", or(input.key_usage.as_ref(), "ENCRYPT_DECRYPT"))
            .with("kms:KeyOrigin", or(input.origin.as_ref(), "AWS_KMS"))
            .with("kms:MultiRegion", [input.multi_region.unwrap_or(false).to_string()])
            .with_tags(&tags::given(input.tags.as_ref()))
    }

    async fn run(context: &Context, input: Input) -> Result<Output, AwsError> {
        check(&input)?;
        let policy = policies::parse(input.policy)?;
        let mut tags = Tags::new();
        tags::merge(&mut tags, &input.tags.unwrap_or_default())?;
        let place = place(context);
        let is_given = policy.is_some();
        let new = NewKey {
            policy: policy.unwrap_or_else(|| Key::default_policy(&place.account)),
            place,
            manager: KeyManager::Customer,
            description: input.description.unwrap_or_default(),
            tags,
            rotation_days: None,
        };
        let key = context.keys.make(new, context.now_ms)?;
        if is_given {
            policies::check_lockout(context, &key, input.bypass_policy_lockout_safety_check)?;
        }
        let created = KeyMetadata::of(&key);
        let create = move |draft: &mut Draft, now_ms| {
            if draft.snapshot().keys_of(&key.place, now_ms).count() >= KEYS_MAX {
                let text = format!("The account has {KEYS_MAX} keys, and can have no more.");
                return Err(errors::limit_exceeded(text));
            }
            draft.put_key(key);
            Ok(())
        };
        context.keys.change(create).await?;
        Ok(Output { key_metadata: created })
    }
}

/// There are symmetric keys for encryption, whose material is made here.
fn check(input: &Input) -> Result<(), AwsError> {
    let description = input.description.as_deref();
    errors::check(Constraints::new().text("description", description, 0, DESCRIPTION_CHARS_MAX))?;
    let is_other = |given: &Option<String>, only: &str| given.as_ref().is_some_and(|it| it != only);
    if is_other(&input.key_spec, ALGORITHM) || is_other(&input.customer_master_key_spec, ALGORITHM)
    {
        return Err(errors::unsupported(
            "Only keys with the spec SYMMETRIC_DEFAULT are supported.",
        ));
    }
    if is_other(&input.key_usage, "ENCRYPT_DECRYPT") {
        return Err(errors::unsupported("Only keys for ENCRYPT_DECRYPT are supported."));
    }
    let is_elsewhere = input.custom_key_store_id.is_some() || input.xks_key_id.is_some();
    if is_other(&input.origin, "AWS_KMS") || is_elsewhere {
        return Err(errors::unsupported("Only keys with the origin AWS_KMS are supported."));
    }
    if input.multi_region == Some(true) {
        return Err(errors::unsupported("Keys of several regions are not supported."));
    }
    Ok(())
}
