//! Whether a caller may do what it asks for: the one place where policies decide.
//!
//! Every operation passes here, after its input is decoded and before it runs. Where credentials are not verified, nobody
//! needs permission.

use std::sync::Arc;

use sluice_policy::{
    Decision, Denial, Kind, Policies, Policy, PolicyType, Principal, Request, ResourcePolicy,
    decide,
};
use sluice_wire::{AwsError, framework};

use super::grants::{Granted, GrantsOf, Unreadable};
use super::identity::Caller;
use super::parsed::Parsed;
use super::request_keys::RequestKeys;
use crate::config::{Access, EndpointPolicy};
use crate::identities::{Holder, Identities, KeyHolder};
use crate::services::{Context, InputKeys, Reach, Resource, Target};

/// What the root of the account that owns a queue can always do, whatever the queue's policy denies: mend it.
const MENDING: [&str; 3] = ["sqs:SetQueueAttributes", "sqs:AddPermission", "sqs:RemovePermission"];

/// Queues only, where their policies say so.
const OPEN_TO_STRANGERS: &str = "sqs:";

/// What sessions of users may ask STS for; the last two are part of the first.
const OF_SESSIONS: &[&str] =
    &["AssumeRole", "GetCallerIdentity", "SetSourceIdentity", "TagSession"];

/// What federated users may ask STS for.
const OF_FEDERATED_USERS: &[&str] = &["GetCallerIdentity"];

/// Decides by policies. Remembers those that it has parsed.
pub(crate) struct Authoriser {
    access: Access,
    grants: GrantsOf,
    of_resources: Parsed,
    of_roles: Parsed,
}

/// One who asks, with what the policies of its identity and session say.
struct Asking<'a> {
    principal: Principal<'a>,
    granted: Arc<Granted>,
    session: Vec<Arc<Policy>>,
}

/// What somebody asks for.
struct Asked<'a> {
    action: &'a str,
    target: &'a Target,
    keys: InputKeys,
}

impl Authoriser {
    pub(crate) fn new(access: Access, identities: Identities) -> Self {
        let (of_resources, of_roles) = (Parsed::of(Kind::Resource), Parsed::of(Kind::Trust));
        Self { access, grants: GrantsOf::new(identities), of_resources, of_roles }
    }

    /// Decides whether the caller in `context` may perform `action` on `resource`. `keys` makes the condition keys that the
    /// input of the operation tells.
    ///
    /// # Errors
    /// `AccessDenied`, or what the operation says of a resource that does not exist.
    pub(crate) fn authorise(
        &self,
        context: &Context,
        action: &'static str,
        resource: &Resource,
        keys: impl FnOnce() -> InputKeys,
    ) -> Result<(), AwsError> {
        match self.access {
            Access::Verified => {}
            Access::Anyone | Access::LoopbackOnly => return Ok(()),
        }
        if let Some(in_sts) = context.identity.credentials().and_then(restricted_in_sts) {
            check_restricted(action, in_sts)?;
        }
        let is_anonymous = context.identity.caller == Caller::Anonymous;
        // Whatever the policy of a role or a key says of everybody: those sign, too.
        if is_anonymous && !action.starts_with(OPEN_TO_STRANGERS) {
            return Err(anonymous(context, action));
        }
        let Some(target) = resource.target(context, action) else {
            return if is_anonymous { Err(anonymous(context, action)) } else { Ok(()) };
        };
        let asked = Asked { action, target: &target, keys: keys() };
        let decided = with_principal(context, |who| self.of_caller(context, who, &asked));
        match decided {
            Decision::Allowed => Ok(()),
            Decision::Denied(denial) => Err(refusal(context, &asked, denial)),
        }
    }

    /// Whether the policy of a KMS key would keep the caller from changing it again, whatever the caller's own policies say.
    pub(crate) fn is_locked_out(&self, context: &Context, key: &Target) -> bool {
        match (self.access, context.identity.credentials()) {
            (Access::Verified, Some(holder)) => {
                let Ok((granted, _)) = self.granted(holder) else { return true };
                let granted = Arc::new(Granted::everything(granted.tags.clone()));
                let (action, keys) = ("kms:PutKeyPolicy", InputKeys::default());
                let asked = Asked { action, target: key, keys };
                let decided = with_principal(context, |principal| {
                    // Its session is not asked either; a federated user without any would have nothing.
                    let session = granted.identity.clone();
                    self.decide(context, &Asking { principal, granted, session }, &asked)
                });
                decided != Decision::Allowed
            }
            (Access::Verified, None) => true,
            (Access::Anyone | Access::LoopbackOnly, _) => false,
        }
    }

    fn of_caller(
        &self,
        context: &Context,
        principal: Principal<'_>,
        asked: &Asked<'_>,
    ) -> Decision {
        let granted = match context.identity.credentials() {
            Some(key) => self.granted(key),
            None => Ok((Arc::default(), Vec::new())),
        };
        match granted {
            Ok((granted, session)) => {
                self.decide(context, &Asking { principal, granted, session }, asked)
            }
            Err(Unreadable) => Decision::Denied(Denial::Explicit(PolicyType::Identity)),
        }
    }

    fn granted(&self, key: &KeyHolder) -> Result<(Arc<Granted>, Vec<Arc<Policy>>), Unreadable> {
        let session = match key.holder.passed() {
            Some(passed) => self.grants.of_session(passed)?,
            None => Vec::new(),
        };
        Ok((self.grants.of(key)?, session))
    }

    fn decide(&self, context: &Context, asking: &Asking<'_>, asked: &Asked<'_>) -> Decision {
        let (principal, Asked { action, target, .. }) = (asking.principal, asked);
        let is_own = principal.account() == Some(&target.account);
        let is_root = is_own && matches!(principal, Principal::Root { .. });
        let is_mending = is_root && MENDING.contains(action);
        if !is_own && target.reach == Reach::Account {
            return Decision::Denied(Denial::Implicit(PolicyType::Resource));
        }
        let parsed = match target.reach {
            Reach::Account | Reach::Everybody | Reach::Key => &self.of_resources,
            Reach::Trusted => &self.of_roles,
        };
        let guarded = target.guarded.as_ref().filter(|_| !is_mending);
        let text = guarded.and_then(|guarded| guarded.policy());
        let policy = match text.map(|text| parsed.get(text)) {
            None => None,
            Some(Some(policy)) => Some(policy),
            // What it denies is not known.
            Some(None) => return Decision::Denied(Denial::Explicit(PolicyType::Resource)),
        };
        let resource = match (target.reach, policy.as_deref()) {
            (Reach::Trusted, Some(policy)) => ResourcePolicy::Trust(policy),
            // There is no such role.
            (Reach::Trusted, None) => {
                return Decision::Denied(Denial::Implicit(PolicyType::Trust));
            }
            (Reach::Key, Some(policy)) => {
                let is_granted = target.guarded.as_ref().is_some_and(|key| key.is_granted());
                ResourcePolicy::Key { policy, is_granted }
            }
            // Without a key, its account may know that there is none.
            (Reach::Account | Reach::Everybody | Reach::Key, policy) => {
                ResourcePolicy::Optional(policy)
            }
        };
        let keys = RequestKeys {
            context,
            target,
            of_input: &asked.keys,
            tags_of_identity: &asking.granted.tags,
        };
        let request = Request {
            principal,
            action,
            resource: &target.arn,
            resource_account: &target.account,
            context: &keys,
        };
        // What a service asks for its caller does not pass the endpoint.
        let endpoint = context.origin.endpoint.as_ref().filter(|_| !keys.is_via_service());
        let endpoint = endpoint.and_then(|endpoint| endpoint.policy.as_ref());
        let policies = Policies {
            identity: &asking.granted.identity,
            boundary: asking.granted.boundary.as_deref(),
            session: &asking.session,
            resource,
            endpoint: endpoint.map(EndpointPolicy::policy),
        };
        decide(&request, &policies)
    }
}

/// Says who calls, as policies name it.
fn with_principal<T>(context: &Context, then: impl FnOnce(Principal<'_>) -> T) -> T {
    let account = &*context.identity.account;
    let Some(key) = context.identity.credentials() else { return then(Principal::Anonymous) };
    let (arn, behind_it, id);
    arn = context.identity.principal_arn();
    then(match &key.holder {
        Holder::Root => Principal::Root { account },
        Holder::User { unique_id, name, .. } => {
            Principal::User { account, arn: &arn, id: unique_id, name }
        }
        Holder::Role(session) => {
            behind_it = session.role_arn(account);
            id = session.id();
            Principal::RoleSession { account, arn: &arn, role_arn: &behind_it, id: &id }
        }
        Holder::FederatedUser(user) => {
            behind_it = user.issuer_arn(account);
            id = user.id(account);
            Principal::FederatedUser { account, arn: &arn, user_arn: &behind_it, id: &id }
        }
    })
}

/// What STS can be asked for with credentials of `GetSessionToken` and `GetFederationToken`; nothing for others, who are
/// asked for their policies only.
fn restricted_in_sts(key: &KeyHolder) -> Option<&'static [&'static str]> {
    match key.holder {
        Holder::Root | Holder::User { .. } => key.issued_at_ms.map(|_| OF_SESSIONS),
        Holder::FederatedUser(_) => Some(OF_FEDERATED_USERS),
        Holder::Role(_) => None,
    }
}

/// Such credentials are good for nothing in IAM, and for little in STS, whatever policies say.
fn check_restricted(action: &str, in_sts: &[&str]) -> Result<(), AwsError> {
    match action.split_once(':') {
        Some(("iam", _)) => {
            let message = "The security token included in the request is invalid";
            Err(AwsError::new(&framework::UNRECOGNIZED_CLIENT, message))
        }
        Some(("sts", operation)) if !in_sts.contains(&operation) => {
            let message = format!("Cannot call {operation} with session credentials");
            Err(AwsError::new(&framework::ACCESS_DENIED, message))
        }
        Some(_) | None => Ok(()),
    }
}

/// The error of a denied request (contract §8.4).
fn refusal(context: &Context, asked: &Asked<'_>, denial: Denial) -> AwsError {
    let Asked { action, target, .. } = asked;
    if let Some(absent) = target.absent {
        return absent();
    }
    if context.identity.caller == Caller::Anonymous {
        return anonymous(context, action);
    }
    // SQS writes it so.
    let action =
        if action.starts_with("sqs:") { action.to_lowercase() } else { (*action).to_owned() };
    let (principal, resource) = (context.identity.principal_arn(), &target.arn);
    let is_own = target.account == *context.identity.account;
    if target.reach == Reach::Key && !(is_own && target.guarded.is_some()) {
        // Nobody learns whether the key exists.
        let reason = "because the resource does not exist in this Region, no resource-based policies allow access, or a \
                      resource-based policy explicitly denies access";
        let text = format!(
            "User: {principal} is not authorized to perform: {action} on this resource {reason}"
        );
        return AwsError::new(&framework::ACCESS_DENIED, text);
    }
    let reason = match target.reach {
        Reach::Account | Reach::Everybody | Reach::Key => format!(" {}", denial.reason(&action)),
        // Nobody learns whether the role exists.
        Reach::Trusted => String::new(),
    };
    AwsError::new(
        &framework::ACCESS_DENIED,
        format!(
            "User: {principal} is not authorized to perform: {action} on resource: {resource}{reason}"
        ),
    )
}

/// The error of a request without credentials (contract §8.4).
fn anonymous(context: &Context, action: &str) -> AwsError {
    if !action.starts_with(OPEN_TO_STRANGERS) {
        let message = "Request is missing Authentication Token";
        return AwsError::new(&framework::MISSING_AUTHENTICATION_TOKEN, message);
    }
    let message = format!("Access to the resource {}/ is denied.", context.base_url);
    AwsError::new(&framework::ACCESS_DENIED, message)
}
