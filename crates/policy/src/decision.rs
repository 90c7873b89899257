//! How the policies that apply to a request are combined (IAM, "Policy evaluation logic").

use std::sync::Arc;

use crate::listed_principal::Grant;
use crate::policy::{Policy, Verdict};
use crate::principal::Principal;
use crate::request::Request;

/// The policies that apply to a request.
#[derive(Debug, Clone, Copy, Default)]
pub struct Policies<'a> {
    /// Those of the user and its groups, or of the role; of a federated user, those of the user who asked for the token.
    /// None for root users, services and strangers.
    pub identity: &'a [Arc<Policy>],
    /// The permissions boundary of that user or role, if it has one.
    pub boundary: Option<&'a Policy>,
    /// What was given when the session began. Without any a role's session has all that the role has, and a federated
    /// user's session nothing.
    pub session: &'a [Arc<Policy>],
    /// The policy of the resource.
    pub resource: ResourcePolicy<'a>,
    /// The policy of the endpoint through which the request came, if it came through one.
    pub endpoint: Option<&'a Policy>,
}

/// The policy of the resource, and how much depends on it.
#[derive(Debug, Clone, Copy)]
pub enum ResourcePolicy<'a> {
    /// Of a queue, a topic or any other resource, if there is one: within the account, identity policies may allow as well.
    Optional(Option<&'a Policy>),
    /// Of a KMS key: identity policies count only if this one leaves it to the account.
    Key {
        /// The key policy.
        policy: &'a Policy,
        /// Whether a grant of the key allows the request. Like a key policy that names the role or user.
        is_granted: bool,
    },
    /// Of a role that is to be assumed: identity policies count only if this one leaves it to the account.
    Trust(&'a Policy),
}

impl Default for ResourcePolicy<'_> {
    fn default() -> Self {
        Self::Optional(None)
    }
}

/// Whether a request may be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It may.
    Allowed,
    /// It may not.
    Denied(Denial),
}

/// Why a request is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// No policy of this type allows it.
    Implicit(PolicyType),
    /// A policy of this type denies it.
    Explicit(PolicyType),
}

/// The types of policies, by what they are attached to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyType {
    /// [`Policies::identity`].
    Identity,
    /// [`Policies::boundary`].
    Boundary,
    /// [`Policies::session`].
    Session,
    /// [`ResourcePolicy::Optional`] and [`ResourcePolicy::Key`].
    Resource,
    /// [`ResourcePolicy::Trust`].
    Trust,
    /// [`Policies::endpoint`].
    Endpoint,
}

impl PolicyType {
    /// With the article that AWS uses.
    fn with_article(self) -> &'static str {
        match self {
            Self::Identity => "an identity-based policy",
            Self::Boundary => "a permissions boundary",
            Self::Session => "a session policy",
            Self::Resource => "a resource-based policy",
            Self::Trust => "the role trust policy",
            Self::Endpoint => "a VPC endpoint policy",
        }
    }

    fn name(self) -> &'static str {
        let (_article, name) = self.with_article().split_once(' ').expect("an article is before");
        name
    }
}

impl Denial {
    /// Says why in AWS's words, which go behind `User: … is not authorized to perform: ACTION on resource: …`. The action
    /// is written as the service writes it in its errors: SQS in lower case, for example.
    pub fn reason(self, action: &str) -> String {
        match self {
            Self::Implicit(policy) => {
                format!("because no {} allows the {action} action", policy.name())
            }
            Self::Explicit(policy) => format!("with an explicit deny in {}", policy.with_article()),
        }
    }
}

impl<'a> ResourcePolicy<'a> {
    fn policy(&self) -> Option<&'a Policy> {
        match self {
            Self::Optional(policy) => *policy,
            Self::Key { policy, .. } | Self::Trust(policy) => Some(policy),
        }
    }

    fn policy_type(&self) -> PolicyType {
        match self {
            Self::Optional(_) | Self::Key { .. } => PolicyType::Resource,
            Self::Trust(_) => PolicyType::Trust,
        }
    }

    /// What it gives to the principal, with the grants of a key.
    fn grant(&self, verdict: Verdict) -> Option<Grant> {
        let by_policy = match verdict {
            Verdict::Allows(grant) => Some(grant),
            Verdict::Silent | Verdict::Denies => None,
        };
        match self {
            Self::Key { is_granted: true, .. } => by_policy.max(Some(Grant::BehindSession)),
            Self::Key { is_granted: false, .. } | Self::Optional(_) | Self::Trust(_) => by_policy,
        }
    }
}

/// What is needed besides the resource's policy.
enum Missing {
    Nothing,
    /// Boundary and session policies have to allow it.
    Limits,
    /// Identity policies too.
    IdentityAndLimits,
    /// Nothing helps.
    ResourcePolicy,
}

/// Decides whether a request may be carried out.
///
/// When several types of policies are the reason of a denial, one is named; AWS does not say which one it names.
///
/// # Panics
/// If a resource's or an endpoint's policy was parsed as [`crate::Kind::Identity`]: it would allow everybody.
pub fn decide(request: &Request<'_>, policies: &Policies<'_>) -> Decision {
    let resource_policy = policies.resource.policy();
    let with_principals = resource_policy.into_iter().chain(policies.endpoint);
    assert!(
        with_principals.into_iter().all(Policy::names_principals),
        "a policy without principals"
    );

    let identity = Policy::verdict(policies.identity.iter().map(AsRef::as_ref), request);
    let boundary = Policy::verdict(policies.boundary, request);
    let session = Policy::verdict(policies.session.iter().map(AsRef::as_ref), request);
    let resource = Policy::verdict(resource_policy, request);
    let endpoint = Policy::verdict(policies.endpoint, request);

    let resource_type = policies.resource.policy_type();
    let by_type = [
        (identity, PolicyType::Identity),
        (boundary, PolicyType::Boundary),
        (session, PolicyType::Session),
        (resource, resource_type),
        (endpoint, PolicyType::Endpoint),
    ];
    if let Some((_, denying)) = by_type.iter().find(|(verdict, _)| *verdict == Verdict::Denies) {
        return Decision::Denied(Denial::Explicit(*denying));
    }

    let is_root = matches!(request.principal, Principal::Root { .. });
    let needs_session_policy = !policies.session.is_empty()
        || matches!(request.principal, Principal::FederatedUser { .. });
    let lacks = |needed: bool, verdict| needed && verdict == Verdict::Silent;
    let missing = missing(request, &policies.resource, policies.resource.grant(resource));
    let (needs_limits, needs_identity) = match missing {
        Missing::Nothing | Missing::ResourcePolicy => (false, false),
        Missing::Limits => (true, false),
        Missing::IdentityAndLimits => (true, !is_root),
    };
    let lacking = if lacks(policies.endpoint.is_some(), endpoint) {
        PolicyType::Endpoint
    } else if matches!(missing, Missing::ResourcePolicy) {
        resource_type
    } else if lacks(needs_identity, identity) {
        PolicyType::Identity
    } else if lacks(needs_limits && policies.boundary.is_some(), boundary) {
        PolicyType::Boundary
    } else if lacks(needs_limits && needs_session_policy, session) {
        PolicyType::Session
    } else {
        return Decision::Allowed;
    };
    Decision::Denied(Denial::Implicit(lacking))
}

fn missing(request: &Request<'_>, resource: &ResourcePolicy<'_>, grant: Option<Grant>) -> Missing {
    let Some(account) = request.principal.account() else {
        return if grant.is_some() { Missing::Nothing } else { Missing::ResourcePolicy };
    };
    let is_gate = match resource {
        ResourcePolicy::Optional(_) => false,
        ResourcePolicy::Key { .. } | ResourcePolicy::Trust(_) => true,
    };
    let is_own = account == request.resource_account;
    match grant {
        None if is_own && !is_gate => Missing::IdentityAndLimits,
        None => Missing::ResourcePolicy,
        Some(_) if !is_own => Missing::IdentityAndLimits,
        Some(Grant::ToAccount) => Missing::IdentityAndLimits,
        Some(Grant::BehindSession) => Missing::Limits,
        Some(Grant::Direct) => Missing::Nothing,
    }
}
