//! `Principal` and `NotPrincipal`: whom a statement is about.

use crate::error::PolicyError;
use crate::json::{Json, Node};
use crate::principal::Principal;
use crate::statement::Effect;

/// Letters and digits of a unique id: four say of what, the others are the id.
const UNIQUE_ID_CHARS: std::ops::RangeInclusive<usize> = 16..=128;

/// What a resource's policy gives to a principal, from the weakest to the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Grant {
    /// To its account, which decides by identity policies who gets it.
    ToAccount,
    /// To the role or user behind a session: boundary and session policies limit it.
    BehindSession,
    /// To this very principal, or to everyone: nothing else has to allow it within the account.
    Direct,
}

/// The `Principal` or `NotPrincipal` of a statement.
#[derive(Debug)]
pub(crate) struct Principals {
    is_not: bool,
    listed: Box<[Listed]>,
}

#[derive(Debug, PartialEq, Eq)]
enum Listed {
    Everyone,
    Account(Box<str>),
    Arn(Box<str>),
    UniqueId(Box<str>),
    Service(Box<str>),
    Federated(Box<str>),
    /// An account by an id of S3, which nobody has here.
    CanonicalUser,
}

impl Principals {
    pub(crate) fn parse(node: &Node<'_>, is_not: bool) -> Result<Self, PolicyError> {
        if let Json::Text(text) = node.json {
            return match text.as_str() {
                "*" => Ok(Self { is_not, listed: [Listed::Everyone].into() }),
                _ => Err(node.refuse(r#"has to be "*" or an object, for example {"AWS": "…"}"#)),
            };
        }
        let mut listed = Vec::new();
        for (kind, node) in node.members()? {
            for node in node.elements()? {
                listed.push(Listed::parse(kind, &node)?);
            }
        }
        if listed.is_empty() {
            return Err(node.refuse("names nobody"));
        }
        Ok(Self { is_not, listed: listed.into() })
    }

    /// What a statement with these gives to, or takes from, a principal; nothing when it is not about it.
    pub(crate) fn grant(&self, principal: &Principal<'_>, effect: Effect) -> Option<Grant> {
        match (self.is_not, effect) {
            (false, _) => self.listed.iter().filter_map(|listed| listed.grant(principal)).max(),
            (true, Effect::Allow) => {
                let is_listed = self.listed.iter().any(|listed| listed.grant(principal).is_some());
                (!is_listed).then_some(Grant::Direct)
            }
            (true, Effect::Deny) => (!self.spares(principal)).then_some(Grant::Direct),
        }
    }

    /// Whether `NotPrincipal` keeps a deny off a principal. AWS asks that everything which a principal is be listed: with a
    /// user its account, with a session the role and the account, else the deny may meet it as one of these.
    fn spares(&self, principal: &Principal<'_>) -> bool {
        let names = |wanted: &dyn Fn(&Listed) -> bool| self.listed.iter().any(wanted);
        if names(&|listed| *listed == Listed::Everyone) {
            return true;
        }
        let names_account = |account: &str| names(&|listed| listed.is_account(account));
        let names_itself =
            |principal| names(&|listed| listed.grant(principal) == Some(Grant::Direct));
        match principal {
            Principal::Root { account } => names_account(account),
            Principal::User { account, .. } | Principal::FederatedUser { account, .. } => {
                names_itself(principal) && names_account(account)
            }
            Principal::RoleSession { account, .. } => {
                let names_role =
                    names(&|listed| listed.grant(principal) == Some(Grant::BehindSession));
                names_itself(principal) && names_role && names_account(account)
            }
            Principal::WebIdentity { .. } | Principal::Service { .. } => names_itself(principal),
            Principal::Anonymous => false,
        }
    }
}

impl Listed {
    fn parse(kind: &str, node: &Node<'_>) -> Result<Self, PolicyError> {
        let name = node.text()?;
        let invalid = || node.refuse(format!(r#"Invalid principal in policy: "{kind}":"{name}""#));
        let is_plain = !name.is_empty() && !name.contains(['*', '?']);
        match kind {
            "AWS" => Self::of_aws(name).ok_or_else(invalid),
            "Service" if is_plain => Ok(Self::Service(name.into())),
            "Federated" if is_plain => Ok(Self::Federated(name.into())),
            "CanonicalUser" if is_plain => Ok(Self::CanonicalUser),
            _ => Err(invalid()),
        }
    }

    fn of_aws(name: &str) -> Option<Self> {
        if name == "*" {
            return Some(Self::Everyone);
        }
        if is_account(name) {
            return Some(Self::Account(name.into()));
        }
        if is_unique_id(name) {
            return Some(Self::UniqueId(name.into()));
        }
        let mut parts = name.splitn(6, ':');
        let [arn, partition, service, region, account, entity] =
            std::array::from_fn(|_| parts.next().unwrap_or_default());
        let is_iam = arn == "arn" && !partition.is_empty() && region.is_empty();
        if !is_iam || !is_account(account) || name.contains(['*', '?']) {
            return None;
        }
        let (entity_kind, entity_name) = entity.split_once('/').unwrap_or((entity, ""));
        match (service, entity_kind, entity_name) {
            ("iam", "root", "") if entity == "root" => Some(Self::Account(account.into())),
            (_, _, "") => None,
            ("iam", "user" | "role", _) | ("sts", "assumed-role" | "federated-user", _) => {
                Some(Self::Arn(name.into()))
            }
            _ => None,
        }
    }

    fn is_account(&self, account: &str) -> bool {
        matches!(self, Self::Account(listed) if **listed == *account)
    }

    fn grant(&self, principal: &Principal<'_>) -> Option<Grant> {
        let direct = |is_meant: bool| is_meant.then_some(Grant::Direct);
        let behind = |is_meant: bool| is_meant.then_some(Grant::BehindSession);
        match (self, principal) {
            (Self::Everyone, _) => Some(Grant::Direct),
            (Self::Account(listed), Principal::Root { account }) => direct(**listed == **account),
            (Self::Account(listed), _) => {
                (principal.account()? == &**listed).then_some(Grant::ToAccount)
            }
            (Self::Arn(listed), Principal::User { arn, .. }) => direct(**listed == **arn),
            (Self::Arn(listed), Principal::RoleSession { arn, role_arn: behind_it, .. })
            | (Self::Arn(listed), Principal::FederatedUser { arn, user_arn: behind_it, .. }) => {
                direct(**listed == **arn).or_else(|| behind(**listed == **behind_it))
            }
            (Self::UniqueId(listed), Principal::User { id, .. }) => direct(**listed == **id),
            (Self::UniqueId(listed), Principal::RoleSession { id, .. }) => {
                behind(id.split(':').next() == Some(listed))
            }
            (Self::Service(listed), Principal::Service { name }) => direct(**listed == **name),
            (Self::Federated(listed), Principal::WebIdentity { provider }) => {
                direct(**listed == **provider)
            }
            (
                Self::Arn(_)
                | Self::UniqueId(_)
                | Self::Service(_)
                | Self::Federated(_)
                | Self::CanonicalUser,
                _,
            ) => None,
        }
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Users, roles and other things begin with `A`; policies keep such ids of what was deleted.
fn is_unique_id(text: &str) -> bool {
    UNIQUE_ID_CHARS.contains(&text.len())
        && text.starts_with('A')
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}
