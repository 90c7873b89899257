//! Every entity at one moment. A copy shares what has not changed, so a change costs the same however many there are.

use std::sync::Arc;

use rpds::{HashTrieMapSync, RedBlackTreeMapSync};
use sluice_store::Batch;

use super::account::Account;
use super::aws_managed;
use super::entity::{Entity, EntityKey};
use super::group::Group;
use super::handle::IdentitiesStopped;
use super::key_holder::KeyHolder;
use super::managed_policy::ManagedPolicy;
use super::role::Role;
use super::rows;
use super::trail::Trail;
use super::user::User;
use crate::rare_changes::Change;

/// The entities of one kind.
pub type Table<T> = RedBlackTreeMapSync<EntityKey, Arc<T>>;

/// Every entity at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    pub(super) accounts: Table<Account>,
    pub(super) users: Table<User>,
    pub(super) groups: Table<Group>,
    pub(super) roles: Table<Role>,
    pub(super) policies: Table<ManagedPolicy>,
    pub(super) trails: Table<Trail>,
    /// Made from the entities.
    holders: HashTrieMapSync<String, Arc<KeyHolder>>,
}

impl Snapshot {
    /// Nothing but the policies of AWS, which are not stored.
    pub fn with_policies_of_aws() -> Self {
        let mut snapshot = Self::default();
        aws_managed::policies().for_each(|policy| snapshot.insert(policy));
        snapshot
    }

    /// Finds an entity by its name.
    pub fn get<T: Entity>(&self, key: &EntityKey) -> Option<&Arc<T>> {
        T::table(self).get(key)
    }

    /// The entities of an account, by name.
    pub fn of_account<'a, T: Entity>(
        &'a self,
        account: &'a str,
    ) -> impl Iterator<Item = &'a Arc<T>> {
        let of_account = move |(key, _): &(&EntityKey, _)| key.account == account;
        let range = T::table(self).range(EntityKey::new(account, "")..);
        range.take_while(of_account).map(|(_, entity)| entity)
    }

    /// The entities of every account.
    pub(crate) fn all<T: Entity>(&self) -> impl Iterator<Item = &Arc<T>> {
        T::table(self).values()
    }

    /// Whether nothing is stored.
    pub(super) fn is_empty(&self) -> bool {
        let is_stored = |policy: &&Arc<ManagedPolicy>| !policy.is_of_aws();
        self.accounts.is_empty()
            && self.users.is_empty()
            && self.groups.is_empty()
            && self.roles.is_empty()
            && self.trails.is_empty()
            && !self.policies.values().any(|policy| is_stored(&policy))
    }

    /// Finds an access key by its id.
    pub fn access_key(&self, access_key_id: &str) -> Option<&Arc<KeyHolder>> {
        self.holders.get(access_key_id)
    }

    /// Adds or replaces an entity.
    pub(super) fn insert<T: Entity>(&mut self, entity: T) {
        let (key, mut holders) = (entity.key(), entity.key_holders());
        for holder in &mut holders {
            if let Some(before) = self.holders.get(&holder.access_key_id) {
                // Of the last use more is noted than stored.
                holder.noted.clone_from(&before.noted);
            }
        }
        self.remove::<T>(&key);
        for holder in holders {
            self.holders.insert_mut(holder.access_key_id.clone(), Arc::new(holder));
        }
        T::table_mut(self).insert_mut(key, Arc::new(entity));
    }

    fn remove<T: Entity>(&mut self, key: &EntityKey) {
        let Some(entity) = T::table(self).get(key).cloned() else { return };
        for holder in entity.key_holders() {
            self.holders.remove_mut(&holder.access_key_id);
        }
        T::table_mut(self).remove_mut(key);
    }
}

/// A change under decision: the entities as they will be, and the rows that make it so. Dropped, it changes nothing.
#[derive(Debug)]
pub struct Draft {
    snapshot: Snapshot,
    batch: Batch,
}

impl Draft {
    /// The entities as they will be.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Adds or replaces an entity.
    pub fn put<T: Entity>(&mut self, entity: T) {
        rows::put(&mut self.batch, &entity);
        self.snapshot.insert(entity);
    }

    /// Removes an entity, if there is one.
    pub fn remove<T: Entity>(&mut self, key: &EntityKey) {
        rows::delete::<T>(&mut self.batch, key);
        self.snapshot.remove::<T>(key);
    }
}

impl Change for Draft {
    type Snapshot = Snapshot;
    type Stopped = IdentitiesStopped;

    fn of(snapshot: &Snapshot) -> Self {
        Self { snapshot: snapshot.clone(), batch: Batch::new() }
    }

    fn into_parts(self) -> (Snapshot, Batch) {
        (self.snapshot, self.batch)
    }

    fn stopped() -> IdentitiesStopped {
        IdentitiesStopped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identities::{AccessKey, Holder};

    fn user(account: &str, name: &str) -> User {
        User::new(account, "/", name, 7)
    }

    #[test]
    fn names_are_not_distinguished_by_case_and_sorted_within_an_account() {
        let mut snapshot = Snapshot::default();
        for (account, name) in [("2", "bob"), ("1", "bob"), ("1", "Alice"), ("3", "eve")] {
            snapshot.insert(user(account, name));
        }
        snapshot.insert(user("1", "BOB"));
        let names = snapshot.of_account::<User>("1").map(|user| user.name.as_str());
        assert_eq!(names.collect::<Vec<_>>(), ["Alice", "BOB"]);
        assert!(snapshot.get::<User>(&EntityKey::new("2", "BoB")).is_some());
        assert!(snapshot.get::<User>(&EntityKey::new("2", "eve")).is_none());
    }

    #[test]
    fn access_keys_come_and_go_with_whom_they_belong_to() {
        let key = |created| AccessKey::new("1", created, |_| false);
        let (old, new, root) = (key(1), key(2), key(3));
        let mut draft = Draft::of(&Snapshot::default());
        draft.put(User { access_keys: vec![old.clone()], ..user("1", "bob") });
        draft.put(Account {
            root_keys: vec![root.clone()],
            ..Account::stored(draft.snapshot(), "1")
        });
        let before = draft.snapshot().clone();
        draft.put(User { access_keys: vec![new.clone()], ..user("1", "Bob") });
        let after = draft.snapshot().clone();
        draft.remove::<User>(&EntityKey::new("1", "bob"));

        let holder = |snapshot: &Snapshot, key: &AccessKey| {
            snapshot.access_key(&key.id).map(|found| found.holder.clone())
        };
        assert!(holder(&before, &old).is_some() && holder(&before, &new).is_none());
        assert!(holder(&after, &old).is_none());
        let Some(Holder::User { name, .. }) = holder(&after, &new) else {
            unreachable!("a user's")
        };
        assert_eq!(&*name, "Bob");
        assert_eq!(holder(draft.snapshot(), &new), None);
        assert_eq!(holder(draft.snapshot(), &root), Some(Holder::Root));
    }
}
