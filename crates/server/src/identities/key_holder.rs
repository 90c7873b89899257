//! Whose an access key is.

use std::sync::Arc;

use super::access_key::{AccessKey, KeyStatus};
use super::entity::EntityKey;
use super::last_use::{LastUse, Noted};
use super::role::Role;
use super::secret::Secret;
use super::session::{FederatedUser, Passed, RoleSession, Session, Subject};
use super::snapshot::Snapshot;
use super::user::User;

/// An access key or temporary credentials, and whose they are; what a signature is verified with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyHolder {
    /// `AKIA…`, or `ASIA…` of temporary credentials.
    pub access_key_id: String,
    /// Signs requests.
    pub secret: Secret,
    /// Whether it is accepted.
    pub is_active: bool,
    /// 12-digit account id.
    pub account: Arc<str>,
    /// Whose it is in the account.
    pub holder: Holder,
    /// When temporary credentials were issued, epoch milliseconds; an access key has no such time.
    pub issued_at_ms: Option<u64>,
    /// When an access key was last used; of temporary credentials that is not noted.
    pub(super) noted: Option<Noted>,
}

/// Whose an access key is in its account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// The account's own.
    Root,
    /// A user's.
    User {
        /// As it was created.
        name: Arc<str>,
        /// Begins and ends with a slash.
        path: Arc<str>,
        /// `AIDA…`
        unique_id: Arc<str>,
    },
    /// A role's.
    Role(Arc<RoleSession>),
    /// A federated user's.
    FederatedUser(Arc<FederatedUser>),
}

impl KeyHolder {
    /// Says whose a key is.
    pub(super) fn new(key: &AccessKey, account: &Arc<str>, holder: Holder) -> Self {
        Self {
            access_key_id: key.id.clone(),
            secret: key.secret.clone(),
            is_active: key.status == KeyStatus::Active,
            account: Arc::clone(account),
            holder,
            issued_at_ms: None,
            noted: Some(Noted::from(key.last_use.clone())),
        }
    }

    /// Notes that it was used, for the service and region that the request was signed for.
    pub(crate) fn note_use(&self, at_ms: u64, service: &str, region: &str) {
        if let Some(noted) = &self.noted {
            noted.note(at_ms, service, region);
        }
    }

    /// When an access key was last used.
    pub(crate) fn last_use(&self) -> Option<LastUse> {
        self.noted.as_ref()?.get()
    }

    /// Says whose temporary credentials are; nobody's, if the user or role is gone that they were issued for.
    pub(super) fn of_session(session: Session, snapshot: &Snapshot) -> Option<Self> {
        let account = session.account;
        let holder = match session.subject {
            Subject::Root => Holder::Root,
            Subject::User { name, unique_id } => {
                Holder::of(same_user(snapshot, &account, &name, &unique_id)?)
            }
            Subject::Role(role) => {
                let stored = snapshot.get::<Role>(&EntityKey::new(&account, &role.name))?;
                (stored.unique_id == role.unique_id).then(|| Holder::Role(Arc::new(role)))?
            }
            Subject::FederatedUser(mut federated) => {
                if let Some(issuer) = &mut federated.issuer {
                    let user = same_user(snapshot, &account, &issuer.name, &issuer.unique_id)?;
                    // A user can get another one.
                    issuer.path.clone_from(&user.path);
                }
                Holder::FederatedUser(Arc::new(federated))
            }
        };
        Some(Self {
            access_key_id: session.access_key_id,
            secret: session.secret,
            is_active: true,
            account: account.into(),
            holder,
            issued_at_ms: Some(session.issued_at_ms),
            noted: None,
        })
    }
}

/// The user of a session, unless it is gone.
fn same_user<'a>(
    snapshot: &'a Snapshot,
    account: &str,
    name: &str,
    unique_id: &str,
) -> Option<&'a User> {
    let user = snapshot.get::<User>(&EntityKey::new(account, name))?;
    (user.unique_id == unique_id).then_some(&**user)
}

impl Holder {
    /// What was passed when its session began, if it was one where anything can be.
    pub fn passed(&self) -> Option<&Passed> {
        match self {
            Self::Root | Self::User { .. } => None,
            Self::Role(session) => Some(&session.passed),
            Self::FederatedUser(user) => Some(&user.passed),
        }
    }

    pub(super) fn of(user: &User) -> Self {
        Self::User {
            name: user.name.as_str().into(),
            path: user.path.as_str().into(),
            unique_id: user.unique_id.as_str().into(),
        }
    }
}
