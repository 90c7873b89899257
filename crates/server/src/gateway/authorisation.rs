//! Whether a caller may do what it asks for: the one place where policies decide.
//!
//! Every operation passes here, after its input is decoded and before it runs. Where credentials are not verified, nobody
//! needs permission.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use sluice_policy::{
    ContextKeys, Decision, Denial, Kind, Policies, Policy, PolicyType, Principal, Request,
    ResourcePolicy, Values, decide,
};
use sluice_wire::{AwsError, framework, iso_8601};

use super::identity::Caller;
use crate::identities::Holder;
use crate::services::{Context, Reach, Resource, Target};

/// Policies that are kept parsed; then all are forgotten, and parsed again when they are asked for.
const PARSED_MAX: usize = 10_000;
/// What the root of the account that owns a queue can always do, whatever the queue's policy denies: mend it.
const MENDING: [&str; 3] = ["sqs:SetQueueAttributes", "sqs:AddPermission", "sqs:RemovePermission"];

/// Decides by policies. Remembers those that it has parsed, by their text.
#[derive(Default)]
pub(crate) struct Authoriser {
    of_queues: Parsed,
}

impl Authoriser {
    /// Decides whether the caller in `context` may perform `action` on `resource`.
    ///
    /// # Errors
    /// `AccessDenied`, or what the operation says of a resource that does not exist.
    pub(crate) fn authorise(
        &self,
        context: &Context,
        action: &'static str,
        resource: &Resource,
    ) -> Result<(), AwsError> {
        let identity = &context.identity;
        if let Caller::Claimed(_) = identity.caller {
            return Ok(());
        }
        let (account, arn) = (&*identity.account, identity.principal_arn());
        let principal = match &identity.caller {
            Caller::Claimed(_) | Caller::Anonymous => Principal::Anonymous,
            Caller::Known(key) => match &key.holder {
                Holder::Root => Principal::Root { account },
                Holder::User { name, unique_id, .. } => {
                    Principal::User { account, arn: &arn, id: unique_id, name }
                }
            },
        };
        let target = resource.target(context, action);
        match self.decide(context, action, principal, &target) {
            Decision::Allowed => Ok(()),
            Decision::Denied(denial) => Err(refusal(context, action, &arn, &target, denial)),
        }
    }

    fn decide(
        &self,
        context: &Context,
        action: &str,
        principal: Principal<'_>,
        target: &Target,
    ) -> Decision {
        let is_own = principal.account() == Some(&target.account);
        if is_own && matches!(principal, Principal::Root { .. }) && MENDING.contains(&action) {
            return Decision::Allowed;
        }
        if !is_own && target.reach == Reach::Account {
            return Decision::Denied(Denial::Implicit(PolicyType::Resource));
        }
        let policy = target.queue.as_ref().and_then(|queue| queue.attributes.policy.as_deref());
        let policy = match policy.map(|text| self.of_queues.get(text)) {
            None => None,
            Some(Some(policy)) => Some(policy),
            // What it denies is not known.
            Some(None) => return Decision::Denied(Denial::Explicit(PolicyType::Resource)),
        };
        let request = Request {
            principal,
            action,
            resource: &target.arn,
            resource_account: &target.account,
            context: &Keys { context, target },
        };
        let policies = Policies {
            resource: ResourcePolicy::Optional(policy.as_deref()),
            ..Policies::default()
        };
        decide(&request, &policies)
    }
}

/// Parsed policies of queues.
#[derive(Default)]
struct Parsed(RwLock<HashMap<Box<str>, Option<Arc<Policy>>>>);

impl Parsed {
    /// Returns the policy with a text, or nothing if it is none: it was stored by a version that took it for one.
    fn get(&self, text: &str) -> Option<Arc<Policy>> {
        let parsed = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(policy) = parsed.get(text) {
            return policy.clone();
        }
        drop(parsed);
        let policy = Policy::parse(text, Kind::Resource).ok().map(Arc::new);
        let mut parsed = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if parsed.len() >= PARSED_MAX {
            parsed.clear();
        }
        parsed.insert(text.into(), policy.clone());
        policy
    }
}

/// The error of a denied request (contract §8.4).
fn refusal(
    context: &Context,
    action: &str,
    principal: &str,
    target: &Target,
    denial: Denial,
) -> AwsError {
    if let Some(absent) = target.absent {
        return absent();
    }
    if context.identity.caller == Caller::Anonymous {
        let message = format!("Access to the resource {}/ is denied.", context.base_url);
        return AwsError::new(&framework::ACCESS_DENIED, message);
    }
    // SQS writes it so.
    let action = if action.starts_with("sqs:") { action.to_lowercase() } else { action.to_owned() };
    let (resource, reason) = (&target.arn, denial.reason(&action));
    AwsError::new(
        &framework::ACCESS_DENIED,
        format!(
            "User: {principal} is not authorized to perform: {action} on resource: {resource} {reason}"
        ),
    )
}

/// What conditions and variables of policies can ask for (IAM, "Global condition keys").
struct Keys<'a> {
    context: &'a Context,
    target: &'a Target,
}

impl ContextKeys for Keys<'_> {
    fn values(&self, key: &str) -> Option<Values<'_>> {
        let (context, origin) = (self.context, &self.context.origin);
        match key {
            "aws:securetransport" => Some(if origin.is_secure { "true" } else { "false" }.into()),
            "aws:sourceip" => Some(origin.address.to_string().into()),
            "aws:useragent" => origin.user_agent.as_deref().map(Values::from),
            "aws:requestedregion" => Some(Values::from(&*context.region)),
            "aws:currenttime" => Some(iso_8601(context.now_ms / 1_000).into()),
            "aws:epochtime" => Some((context.now_ms / 1_000).to_string().into()),
            "aws:viaawsservice" => Some("false".into()),
            _ => {
                let tag = key.strip_prefix("aws:resourcetag/")?;
                let tags = &self.target.queue.as_ref()?.tags;
                let found = tags.iter().find(|(name, _)| name.eq_ignore_ascii_case(tag))?;
                Some(Values::from(found.1.as_str()))
            }
        }
    }
}
