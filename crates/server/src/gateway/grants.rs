//! What identities are allowed: the policies of users with their groups, of roles, and of sessions.
//!
//! They are put together once and remembered until an identity changes.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use sluice_policy::{Kind, Policy};

use super::parsed::Parsed;
use crate::identities::{
    EntityKey, Grants, Group, Holder, Identities, KeyHolder, ManagedPolicy, Principal, Role,
    RoleSession, Snapshot, Tags, User,
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

/// A stored policy that is none: what it denies is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unreadable;

/// Puts together what identities are allowed.
pub(super) struct GrantsOf {
    identities: Identities,
    documents: Parsed,
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
        Self { identities, documents: Parsed::of(Kind::Identity), remembered }
    }

    /// What the holder of credentials is allowed; an account's root has no policies.
    pub(super) fn of(&self, key: &KeyHolder) -> Result<Arc<Granted>, Unreadable> {
        let (unique_id, name) = match &key.holder {
            Holder::Root => return Ok(Arc::default()),
            Holder::User { unique_id, name, .. } => (&**unique_id, &**name),
            Holder::Role(session) => (&*session.unique_id, &*session.name),
        };
        let snapshot = self.identities.snapshot();
        let remembered = self.remembered.read().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&remembered.snapshot, &snapshot)
            && let Some(granted) = remembered.granted.get(unique_id)
        {
            return granted.clone();
        }
        drop(remembered);
        let entity = EntityKey::new(&key.account, name);
        let granted = match &key.holder {
            Holder::Root | Holder::User { .. } => self.of_user(&snapshot, &entity),
            Holder::Role(_) => self.of_role(&snapshot, &entity),
        };
        let granted = granted.map(Arc::new);
        let mut remembered = self.remembered.write().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&remembered.snapshot, &snapshot) {
            *remembered = Remembered { snapshot, granted: HashMap::new() };
        }
        remembered.granted.insert(unique_id.to_owned(), granted.clone());
        granted
    }

    /// What bounds the session of a role.
    pub(super) fn of_session(&self, session: &RoleSession) -> Result<Vec<Arc<Policy>>, Unreadable> {
        let own = session.policy.iter().map(|text| self.documents.get(text).ok_or(Unreadable));
        let snapshot = self.identities.snapshot();
        let managed = session.policy_arns.iter().map(|arn| self.managed(&snapshot, arn));
        own.chain(managed).collect()
    }

    fn of_user(&self, snapshot: &Snapshot, key: &EntityKey) -> Result<Granted, Unreadable> {
        // Between the look at the credentials and this one the user was deleted: it is allowed nothing.
        let Some(user) = snapshot.get::<User>(key) else { return Ok(Granted::default()) };
        let mut identity = self.all(snapshot, user.grants())?;
        for name in &user.groups {
            if let Some(group) = snapshot.get::<Group>(&EntityKey::new(&user.account, name)) {
                identity.extend(self.all(snapshot, group.grants())?);
            }
        }
        let boundary = self.boundary(snapshot, user.boundary.as_deref())?;
        Ok(Granted { identity, boundary, tags: user.tags.clone() })
    }

    fn of_role(&self, snapshot: &Snapshot, key: &EntityKey) -> Result<Granted, Unreadable> {
        let Some(role) = snapshot.get::<Role>(key) else { return Ok(Granted::default()) };
        let identity = self.all(snapshot, role.grants())?;
        let boundary = self.boundary(snapshot, role.boundary.as_deref())?;
        Ok(Granted { identity, boundary, tags: role.tags.clone() })
    }

    fn all(&self, snapshot: &Snapshot, grants: &Grants) -> Result<Vec<Arc<Policy>>, Unreadable> {
        let inline = grants.inline.values().map(|text| self.documents.get(text).ok_or(Unreadable));
        let managed = grants.attached.iter().map(|arn| self.managed(snapshot, arn));
        inline.chain(managed).collect()
    }

    fn boundary(
        &self,
        snapshot: &Snapshot,
        arn: Option<&str>,
    ) -> Result<Option<Arc<Policy>>, Unreadable> {
        arn.map(|arn| self.managed(snapshot, arn)).transpose()
    }

    /// A managed policy that is gone is as bad as one that cannot be read: what is attached cannot be deleted.
    fn managed(&self, snapshot: &Snapshot, arn: &str) -> Result<Arc<Policy>, Unreadable> {
        let policy = ManagedPolicy::by_arn(snapshot, arn).ok_or(Unreadable)?;
        let version = policy.version(policy.default_version).ok_or(Unreadable)?;
        self.documents.get(&version.document).ok_or(Unreadable)
    }
}
