//! What identities are allowed: the policies of users with their groups, of roles, and of sessions.
//!
//! They are put together once and remembered until an identity changes.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use sluice_policy::{Kind, Policy};

use super::parsed::Parsed;
use crate::identities::{
    Attached, EntityKey, Holder, Identities, KeyHolder, Passed, Role, Snapshot, Tags, User,
    managed_document,
};

/// What a user or role is allowed.
#[derive(Debug, Default)]
pub(super) struct Granted {
    /// What its own policies and those of its groups say.
    pub(super) identity: Vec<Arc<Policy>>,
    /// What bounds it.
    pub(super) boundary: Option<Arc<Policy>>,
    /// Its tags.
    pub(super) tags: Tags,
}

impl Granted {
    /// Everything, to somebody with these tags.
    pub(super) fn everything(tags: Tags) -> Self {
        let text = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
        let policy = Policy::parse(text, Kind::Identity).expect("it is one");
        Self { identity: vec![Arc::new(policy)], boundary: None, tags }
    }
}

/// A stored policy that is none, or gone though it is attached: what it denies is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unreadable;

/// Puts together what identities are allowed.
pub(super) struct GrantsOf {
    identities: Identities,
    documents: Parsed,
    /// What the root gives to federated users.
    everything: Arc<Granted>,
    remembered: RwLock<Remembered>,
}

/// By unique id, at one moment.
struct Remembered {
    snapshot: Arc<Snapshot>,
    granted: HashMap<String, Result<Arc<Granted>, Unreadable>>,
}

impl GrantsOf {
    pub(super) fn new(identities: Identities) -> Self {
        let (snapshot, granted) = (identities.snapshot(), HashMap::new());
        let remembered = RwLock::new(Remembered { snapshot, granted });
        let everything = Arc::new(Granted::everything(Tags::new()));
        Self { identities, documents: Parsed::of(Kind::Identity), everything, remembered }
    }

    /// What the holder of credentials is allowed; an account's root has no policies. Of a federated user, what the one is that
    /// asked for the credentials.
    pub(super) fn of(&self, key: &KeyHolder) -> Result<Arc<Granted>, Unreadable> {
        let (unique_id, name) = match &key.holder {
            Holder::Root => return Ok(Arc::default()),
            Holder::User { unique_id, name, .. } => (&**unique_id, &**name),
            Holder::Role(session) => (&*session.unique_id, &*session.name),
            Holder::FederatedUser(user) => match &user.issuer {
                Some(issuer) => (&*issuer.unique_id, &*issuer.name),
                None => return Ok(Arc::clone(&self.everything)),
            },
        };
        let snapshot = self.identities.snapshot();
        let remembered = self.remembered.read().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&remembered.snapshot, &snapshot)
            && let Some(granted) = remembered.granted.get(unique_id)
        {
            return granted.clone();
        }
        drop(remembered);
        let granted =
            self.put_together(&snapshot, &key.holder, &EntityKey::new(&key.account, name));
        let granted = granted.map(Arc::new);
        let mut remembered = self.remembered.write().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&remembered.snapshot, &snapshot) {
            *remembered = Remembered { snapshot, granted: HashMap::new() };
        }
        remembered.granted.insert(unique_id.to_owned(), granted.clone());
        granted
    }

    /// What bounds a session.
    pub(super) fn of_session(&self, session: &Passed) -> Result<Vec<Arc<Policy>>, Unreadable> {
        let snapshot = self.identities.snapshot();
        let own = session.policy.iter().map(|text| self.parsed(Some(text)));
        let managed = session.policy_arns.iter();
        let managed = managed.map(|arn| self.parsed(managed_document(&snapshot, arn)));
        own.chain(managed).collect()
    }

    fn put_together(
        &self,
        snapshot: &Snapshot,
        holder: &Holder,
        key: &EntityKey,
    ) -> Result<Granted, Unreadable> {
        let (attached, tags) = match holder {
            Holder::Root => return Ok(Granted::default()),
            Holder::User { .. } | Holder::FederatedUser(_) => {
                let user = snapshot.get::<User>(key);
                user.map(|user| (Attached::to_user(snapshot, user), user.tags.clone()))
            }
            Holder::Role(_) => {
                let role = snapshot.get::<Role>(key);
                role.map(|role| (Attached::to_role(snapshot, role), role.tags.clone()))
            }
        }
        // Between the look at the credentials and this one it was deleted: it is allowed nothing.
        .unwrap_or_default();
        let identity: Result<_, _> =
            attached.identity.into_iter().map(|text| self.parsed(text)).collect();
        let boundary = attached.boundary.map(|text| self.parsed(text)).transpose();
        Ok(Granted { identity: identity?, boundary: boundary?, tags })
    }

    fn parsed(&self, document: Option<&str>) -> Result<Arc<Policy>, Unreadable> {
        document.and_then(|text| self.documents.get(text)).ok_or(Unreadable)
    }
}
