//! Who makes a request.

use std::borrow::Cow;

/// Who makes a request. Accounts are 12-digit ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Principal<'a> {
    /// The root user of an account.
    Root {
        /// The account.
        account: &'a str,
    },
    /// An IAM user, also with the temporary credentials of `GetSessionToken`.
    User {
        /// The account of the user.
        account: &'a str,
        /// `arn:aws:iam::ACCOUNT:user/NAME`, with the user's path.
        arn: &'a str,
        /// Unique id, `AIDA…`.
        id: &'a str,
        /// Name without path.
        name: &'a str,
    },
    /// The session of a role.
    RoleSession {
        /// The account of the role.
        account: &'a str,
        /// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`.
        arn: &'a str,
        /// `arn:aws:iam::ACCOUNT:role/ROLE`, with the role's path.
        role_arn: &'a str,
        /// Unique id of the role, a colon and the name of the session: `AROA…:SESSION`.
        id: &'a str,
    },
    /// A session of `GetFederationToken`.
    FederatedUser {
        /// The account of the user who asked for the token.
        account: &'a str,
        /// `arn:aws:sts::ACCOUNT:federated-user/NAME`.
        arn: &'a str,
        /// ARN of the user who asked for the token.
        user_arn: &'a str,
        /// `ACCOUNT:NAME`.
        id: &'a str,
    },
    /// Someone with a token of an identity provider, before a role is assumed.
    WebIdentity {
        /// The provider, as `Federated` principals name it.
        provider: &'a str,
    },
    /// An AWS service.
    Service {
        /// For example `sns.amazonaws.com`.
        name: &'a str,
    },
    /// Someone without credentials.
    Anonymous,
}

impl<'a> Principal<'a> {
    /// Returns the account whose identity policies are about this principal; services and strangers have none.
    pub fn account(&self) -> Option<&'a str> {
        match self {
            Self::Root { account }
            | Self::User { account, .. }
            | Self::RoleSession { account, .. }
            | Self::FederatedUser { account, .. } => Some(account),
            Self::WebIdentity { .. } | Self::Service { .. } | Self::Anonymous => None,
        }
    }

    /// The value of a key, in lower case, that follows from who it is.
    pub(crate) fn value(&self, key: &str) -> Option<Cow<'a, str>> {
        match key {
            "aws:principalarn" => self.policy_arn(),
            "aws:principalaccount" => self.account().map(Cow::Borrowed),
            "aws:principaltype" => self.type_name().map(Cow::Borrowed),
            "aws:principalisawsservice" => {
                let is_service = matches!(self, Self::Service { .. });
                Some(Cow::Borrowed(if is_service { "true" } else { "false" }))
            }
            "aws:principalservicename" => match self {
                Self::Service { name } => Some(Cow::Borrowed(name)),
                _ => None,
            },
            "aws:userid" => self.user_id().map(Cow::Borrowed),
            "aws:username" => match self {
                Self::User { name, .. } => Some(Cow::Borrowed(name)),
                _ => None,
            },
            _ => None,
        }
    }

    /// `aws:PrincipalArn`: of a session of a role, the role.
    fn policy_arn(&self) -> Option<Cow<'a, str>> {
        match self {
            Self::Root { account } => Some(Cow::Owned(format!("arn:aws:iam::{account}:root"))),
            Self::User { arn, .. } | Self::FederatedUser { arn, .. } => Some(Cow::Borrowed(arn)),
            Self::RoleSession { role_arn, .. } => Some(Cow::Borrowed(role_arn)),
            Self::WebIdentity { .. } | Self::Service { .. } | Self::Anonymous => None,
        }
    }

    /// `aws:PrincipalType`.
    fn type_name(&self) -> Option<&'static str> {
        match self {
            Self::Root { .. } => Some("Account"),
            Self::User { .. } => Some("User"),
            Self::RoleSession { .. } => Some("AssumedRole"),
            Self::FederatedUser { .. } => Some("FederatedUser"),
            Self::Anonymous => Some("Anonymous"),
            Self::WebIdentity { .. } | Self::Service { .. } => None,
        }
    }

    /// `aws:userid`.
    fn user_id(&self) -> Option<&'a str> {
        match self {
            Self::Root { account } => Some(account),
            Self::User { id, .. }
            | Self::RoleSession { id, .. }
            | Self::FederatedUser { id, .. } => Some(id),
            Self::Anonymous => Some("anonymous"),
            Self::WebIdentity { .. } | Self::Service { .. } => None,
        }
    }
}
