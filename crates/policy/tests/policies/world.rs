//! What the tests ask: a world of policies and one request, in the form of texts, decided by the crate and by a naive
//! evaluator.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use sluice_policy::{
    ContextKeys, Decision, Kind, Policies, Policy, PolicyError, Principal, Request, ResourcePolicy,
    Values, decide,
};

/// Keys in lower case with their values.
#[derive(Debug, Clone, Default)]
pub(crate) struct Context(pub(crate) BTreeMap<String, Vec<String>>);

impl ContextKeys for Context {
    fn values(&self, key: &str) -> Option<Values<'_>> {
        let values = self.0.get(key)?;
        Some(match values.as_slice() {
            [value] => value.as_str().into(),
            values => Values::Many(values.iter().map(|value| Cow::Borrowed(&**value)).collect()),
        })
    }
}

/// How much depends on the policy of the resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gate {
    Optional,
    Key,
    GrantedKey,
    Trust,
}

/// A request and the texts of the policies that apply to it.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) principal: Principal<'static>,
    pub(crate) action: String,
    pub(crate) resource: String,
    pub(crate) owner: String,
    pub(crate) context: Context,
    pub(crate) identity: Vec<String>,
    pub(crate) boundary: Option<String>,
    pub(crate) session: Vec<String>,
    pub(crate) resource_policy: Option<String>,
    pub(crate) gate: Gate,
    pub(crate) endpoint: Option<String>,
}

impl World {
    /// What the crate decides, in AWS's words with `it` for the action.
    pub(crate) fn decide(&self) -> Result<String, PolicyError> {
        let identity = parse_all(&self.identity, Kind::Identity)?;
        let session = parse_all(&self.session, Kind::Identity)?;
        let boundary = parse(self.boundary.as_ref(), Kind::Identity)?;
        let endpoint = parse(self.endpoint.as_ref(), Kind::Resource)?;
        let kind = if self.gate == Gate::Trust { Kind::Trust } else { Kind::Resource };
        let resource = parse(self.resource_policy.as_ref(), kind)?;
        let required = || resource.as_ref().expect("keys and roles have a policy");
        let resource = match self.gate {
            Gate::Optional => ResourcePolicy::Optional(resource.as_ref()),
            Gate::Key => ResourcePolicy::Key { policy: required(), is_granted: false },
            Gate::GrantedKey => ResourcePolicy::Key { policy: required(), is_granted: true },
            Gate::Trust => ResourcePolicy::Trust(required()),
        };
        let policies = Policies {
            identity: &identity,
            boundary: boundary.as_ref(),
            session: &session,
            resource,
            endpoint: endpoint.as_ref(),
        };
        let request = Request {
            principal: self.principal,
            action: &self.action,
            resource: &self.resource,
            resource_account: &self.owner,
            context: &self.context,
        };
        Ok(match decide(&request, &policies) {
            Decision::Allowed => "allowed".to_owned(),
            Decision::Denied(why) => {
                format!("denied {}", why.reason("?").replace("the ? action", "it"))
            }
        })
    }
}

fn parse(text: Option<&String>, kind: Kind) -> Result<Option<Policy>, PolicyError> {
    text.map(|text| Policy::parse(text, kind)).transpose()
}

fn parse_all(texts: &[String], kind: Kind) -> Result<Vec<Arc<Policy>>, PolicyError> {
    texts.iter().map(|text| Policy::parse(text, kind).map(Arc::new)).collect()
}

pub(crate) const ACCOUNT: &str = "111122223333";

/// Reads a principal as the cases write it: `root`, `user path/name`, `role path/name session`, `federated name user`,
/// `provider name`, `service name` or `anonymous`, and last an account unless it is 111122223333.
pub(crate) fn principal(text: &str) -> Principal<'static> {
    let mut words: Vec<&'static str> = text.to_owned().leak().split(' ').collect();
    let has_account = words.len() > 1
        && words.last().is_some_and(|last| last.len() == 12 && last.parse::<u64>().is_ok());
    let account = if has_account { words.pop().expect("it is there") } else { ACCOUNT };
    let last_part = |path: &'static str| path.rsplit('/').next().expect("one at least");
    match words[..] {
        ["root"] => Principal::Root { account },
        ["user", path] => Principal::User {
            account,
            arn: format!("arn:aws:iam::{account}:user/{path}").leak(),
            id: unique_id("AIDA", last_part(path)),
            name: last_part(path),
        },
        ["role", path, session] => Principal::RoleSession {
            account,
            arn: format!("arn:aws:sts::{account}:assumed-role/{}/{session}", last_part(path))
                .leak(),
            role_arn: format!("arn:aws:iam::{account}:role/{path}").leak(),
            id: format!("{}:{session}", unique_id("AROA", last_part(path))).leak(),
        },
        ["federated", name, user] => Principal::FederatedUser {
            account,
            arn: format!("arn:aws:sts::{account}:federated-user/{name}").leak(),
            user_arn: format!("arn:aws:iam::{account}:user/{user}").leak(),
            id: format!("{account}:{name}").leak(),
        },
        ["provider", provider] => Principal::WebIdentity { provider },
        ["service", name] => Principal::Service { name },
        ["anonymous"] => Principal::Anonymous,
        _ => panic!("not a principal: {text}"),
    }
}

/// `alice` has the id `AIDAALICEXXXXXXXXXXXX`.
fn unique_id(prefix: &str, name: &str) -> &'static str {
    format!("{prefix}{:X<17}", name.to_uppercase()).leak()
}
