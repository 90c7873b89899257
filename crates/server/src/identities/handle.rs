//! The handle in front of the identities.

use std::sync::Arc;

use sluice_store::Shard;

use super::access_key::AccessKey;
use super::account::Account;
use super::key_holder::{Holder, KeyHolder};
use super::rows::{self, OpenError};
use super::secret::Secret;
use super::session::{Session, SessionKey};
use super::settings;
use super::snapshot::{Draft, Snapshot};
use crate::broker::Health;
use crate::clock::Clock;
use crate::encryption::Encryption;
use crate::rare_changes::RareChanges;

/// Identities cannot be changed any more: the store failed, or the server stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the identities cannot be changed after a fault of the store")]
pub struct IdentitiesStopped;

/// Why credentials are nobody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// They never were, or whose they were is gone.
    Never,
    /// They were temporary.
    Expired,
}

/// Why the access key of a root cannot be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RootKeyError {
    /// Somebody else has an access key with this id.
    #[error(
        "the access key {access_key_id} of the root credentials belongs to another user already"
    )]
    Taken {
        /// The id.
        access_key_id: String,
    },
    /// Nothing can be changed.
    #[error(transparent)]
    Stopped(#[from] IdentitiesStopped),
}

/// Who exists on this server. Cheap to clone.
#[derive(Clone)]
pub struct Identities {
    shared: Arc<Shared>,
}

struct Shared {
    changes: RareChanges<Draft>,
    session_key: SessionKey,
}

impl Identities {
    /// Reads every identity and starts the task that changes them. With encryption, their rows are sealed.
    ///
    /// # Errors
    /// What is wrong with the store or a row in it, with nothing left that uses the shard.
    pub async fn open(
        mut shard: Box<dyn Shard>,
        encryption: Option<Encryption>,
        clock: Arc<dyn Clock>,
        health: Health,
    ) -> Result<Self, OpenError> {
        let read = move || {
            if let Some(encryption) = encryption {
                shard = encryption.sealed(shard)?;
            }
            let session_key = settings::open(&mut *shard)?;
            let snapshot = rows::read_all(&*shard.reader())?;
            Ok::<_, OpenError>((shard, session_key, snapshot))
        };
        // Reading waits for the disk, which a task must not.
        let (shard, session_key, snapshot) = tokio::task::spawn_blocking(read).await??;
        let changes = RareChanges::start(shard, snapshot, clock, health, "the identities");
        Ok(Self { shared: Arc::new(Shared { changes, session_key }) })
    }

    /// Everything at this moment. Never waits.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.shared.changes.snapshot()
    }

    /// Finds an access key, active or not, by its id. Never waits.
    pub fn access_key(&self, access_key_id: &str) -> Option<Arc<KeyHolder>> {
        self.snapshot().access_key(access_key_id).cloned()
    }

    /// Makes the session token of temporary credentials.
    pub fn session_token(&self, session: &Session) -> Secret {
        Secret::new(self.shared.session_key.seal(session))
    }

    /// Finds whose credentials are: an access key, active or not, or with a session token those that it was issued with.
    ///
    /// # Errors
    /// [`Unknown`]
    pub fn key_holder(
        &self,
        access_key_id: &str,
        session_token: Option<&str>,
        now_ms: u64,
    ) -> Result<Arc<KeyHolder>, Unknown> {
        let snapshot = self.snapshot();
        let Some(token) = session_token else {
            return snapshot.access_key(access_key_id).cloned().ok_or(Unknown::Never);
        };
        let session = self.shared.session_key.open(token);
        let session = session.filter(|session| session.access_key_id == access_key_id);
        let session = session.ok_or(Unknown::Never)?;
        if session.expires_at_ms <= now_ms {
            return Err(Unknown::Expired);
        }
        KeyHolder::of_session(session, &snapshot).map(Arc::new).ok_or(Unknown::Never)
    }

    /// Decides and makes a change. It is durable when this returns, and seen by everyone. `decide` gets the time in epoch
    /// milliseconds; what it refuses changes nothing.
    ///
    /// # Errors
    /// What `decide` refuses, or [`IdentitiesStopped`].
    pub async fn change<T, E>(
        &self,
        decide: impl FnOnce(&mut Draft, u64) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<IdentitiesStopped> + Send + 'static,
    {
        self.shared.changes.change(decide).await
    }

    /// Creates the first access key of an account's root and returns it, this once; returns nothing if there is one.
    ///
    /// # Errors
    /// [`IdentitiesStopped`]
    pub async fn ensure_root_key(
        &self,
        account: &str,
    ) -> Result<Option<AccessKey>, IdentitiesStopped> {
        let id = account.to_owned();
        self.change(move |draft, now_ms| {
            let stored = Account::stored(draft.snapshot(), &id);
            if !stored.root_keys.is_empty() {
                return Ok(None);
            }
            let is_taken = |id: &str| draft.snapshot().access_key(id).is_some();
            let key = AccessKey::new(&id, now_ms, is_taken);
            draft.put(Account { root_keys: vec![key.clone()], ..stored });
            Ok(Some(key))
        })
        .await
    }

    /// Makes an access key the only one of an account's root, active.
    ///
    /// # Errors
    /// [`RootKeyError`]
    pub async fn set_root_key(
        &self,
        account: &str,
        access_key_id: String,
        secret: Secret,
    ) -> Result<(), RootKeyError> {
        let id = account.to_owned();
        self.change(move |draft, now_ms| {
            let holder = draft.snapshot().access_key(&access_key_id);
            match holder {
                Some(key) if key.holder != Holder::Root || *key.account != *id => {
                    return Err(RootKeyError::Taken { access_key_id });
                }
                Some(key) if key.secret == secret && key.is_active => return Ok(()),
                Some(_) | None => {}
            }
            let key = AccessKey::active(access_key_id, secret, now_ms);
            let stored = Account::stored(draft.snapshot(), &id);
            draft.put(Account { root_keys: vec![key], ..stored });
            Ok(())
        })
        .await
    }

    /// Makes the changes that wait, stores what is only in memory, and ends the task.
    pub async fn shutdown(&self) {
        self.store_last_uses().await;
        self.shared.changes.shutdown().await;
    }
}

#[cfg(test)]
mod tests {
    use sluice_store::{Batch, MemoryStore, Space, Store};

    use super::*;
    use crate::clock::SystemClock;
    use crate::identities::{
        EntityKey, FederatedUser, Holder, Issuer, KeyStatus, LastUse, Passed, SHARD, Subject, User,
    };

    const ACCOUNT: &str = "123456789012";

    async fn open(store: &MemoryStore) -> Result<Identities, OpenError> {
        let shard = store.open_shard(SHARD).expect("free");
        Identities::open(shard, None, Arc::new(SystemClock), Health::default()).await
    }

    async fn create_user(identities: &Identities, name: &str) -> AccessKey {
        let name = name.to_owned();
        let created = identities.change(move |draft, now_ms| {
            let key = AccessKey::new(ACCOUNT, now_ms, |_| false);
            let user = User::new(ACCOUNT, "/team/", &name, now_ms);
            draft.put(User { access_keys: vec![key.clone()], ..user });
            Ok::<_, IdentitiesStopped>(key)
        });
        created.await.expect("the store is good")
    }

    async fn disable_bob(identities: &Identities) {
        let disable = |draft: &mut Draft, _: u64| {
            let bob = draft.snapshot().get::<User>(&EntityKey::new(ACCOUNT, "bob"));
            let mut bob = User::clone(bob.expect("it exists"));
            bob.access_keys[0].status = KeyStatus::Inactive;
            draft.put(bob);
            Ok::<_, IdentitiesStopped>(())
        };
        identities.change(disable).await.expect("good");
    }

    #[tokio::test]
    async fn a_second_open_finds_everything() {
        let store = MemoryStore::new();
        let identities = open(&store).await.expect("empty");
        let key = create_user(&identities, "Bob").await;
        let gone = create_user(&identities, "gone").await;
        let root = identities.ensure_root_key(ACCOUNT).await.expect("good").expect("the first");
        let remove = |draft: &mut Draft, _: u64| {
            draft.remove::<User>(&EntityKey::new(ACCOUNT, "gone"));
            Ok::<_, IdentitiesStopped>(())
        };
        identities.change(remove).await.expect("good");
        let session = Session::new(ACCOUNT, Subject::Root, 1, 900);
        let token = identities.session_token(&session);
        identities.shutdown().await;
        drop(identities);

        let identities = open(&store).await.expect("readable");
        let holder = identities.key_holder(&key.id, None, 0).expect("it exists");
        assert_eq!((&holder.secret, holder.is_active), (&key.secret, true));
        assert_eq!(&*holder.account, ACCOUNT);
        let Holder::User { name, path, unique_id } = &holder.holder else { unreachable!("Bob's") };
        assert_eq!((&**name, &**path), ("Bob", "/team/"));
        assert!(unique_id.starts_with("AIDA") && unique_id.len() == 21, "{unique_id}");
        assert_eq!(
            identities.key_holder(&root.id, None, 0).expect("it exists").holder,
            Holder::Root
        );
        assert_eq!(identities.key_holder(&gone.id, None, 0), Err(Unknown::Never));
        let token = Some(token.expose());
        let of_root = |id: &str, now_ms| identities.key_holder(id, token, now_ms);
        let holder = of_root(&session.access_key_id, 900_000).expect("it lasts until 900,001");
        assert_eq!((&holder.holder, holder.issued_at_ms), (&Holder::Root, Some(1)));
        assert_eq!(of_root(&session.access_key_id, 900_001), Err(Unknown::Expired));
        assert_eq!(of_root(&key.id, 1), Err(Unknown::Never), "issued with other credentials");
        assert_eq!(identities.ensure_root_key(ACCOUNT).await, Ok(None), "returned only once");
    }

    #[tokio::test]
    async fn an_alias_stays_when_the_key_of_the_root_is_set() {
        let store = MemoryStore::new();
        let identities = open(&store).await.expect("empty");
        let name = |draft: &mut Draft, _: u64| {
            let stored = Account::stored(draft.snapshot(), ACCOUNT);
            draft.put(Account { alias: Some("acme".to_owned()), ..stored });
            Ok::<_, IdentitiesStopped>(())
        };
        identities.change(name).await.expect("good");
        identities.ensure_root_key(ACCOUNT).await.expect("good").expect("the first");
        let (id, secret) = ("AKIAEXAMPLEEXAMPLE00".to_owned(), Secret::new("s".repeat(40)));
        identities.set_root_key(ACCOUNT, id.clone(), secret).await.expect("free");
        identities.shutdown().await;
        drop(identities);
        let account = Account::stored(&open(&store).await.expect("readable").snapshot(), ACCOUNT);
        assert_eq!((account.alias.as_deref(), &account.root_keys[0].id), (Some("acme"), &id));
        let earlier: Option<Account> =
            serde_json::from_str(r#"{"id":"123456789012","root_keys":[]}"#).ok();
        assert_eq!(earlier.map(|account| account.alias), Some(None));
    }

    #[tokio::test]
    async fn an_inactive_key_is_found_as_such() {
        let identities = open(&MemoryStore::new()).await.expect("empty");
        let key = create_user(&identities, "bob").await;
        disable_bob(&identities).await;
        assert!(!identities.key_holder(&key.id, None, 0).expect("it exists").is_active);
    }

    #[tokio::test]
    async fn a_session_ends_with_the_user_that_it_is_of() {
        let identities = open(&MemoryStore::new()).await.expect("empty");
        create_user(&identities, "bob").await;
        let bob = identities.snapshot().get::<User>(&EntityKey::new(ACCOUNT, "bob")).cloned();
        let bob = bob.expect("it exists");
        let (name, unique_id) = (bob.name.clone(), bob.unique_id.clone());
        let session = Session::new(ACCOUNT, Subject::User { name, unique_id }, 1, 900);
        let token = identities.session_token(&session);
        let ask = || identities.key_holder(&session.access_key_id, Some(token.expose()), 2);
        assert_eq!(ask().map(|key| key.holder.clone()), Ok(Holder::of(&bob)));
        create_user(&identities, "bob").await;
        assert_eq!(ask(), Err(Unknown::Never), "another bob");
    }

    #[tokio::test]
    async fn a_federated_user_ends_with_its_time_and_with_the_user_that_asked() {
        let identities = open(&MemoryStore::new()).await.expect("empty");
        create_user(&identities, "bob").await;
        let bob = identities.snapshot().get::<User>(&EntityKey::new(ACCOUNT, "bob")).cloned();
        let bob = bob.expect("it exists");
        let issuer = Issuer {
            name: bob.name.clone(),
            path: bob.path.clone(),
            unique_id: bob.unique_id.clone(),
        };
        let ann = FederatedUser {
            name: "ann".to_owned(),
            issuer: Some(issuer),
            passed: Passed::default(),
        };
        let session = Session::new(ACCOUNT, Subject::FederatedUser(ann), 1, 900);
        let token = identities.session_token(&session);
        let ask = |now_ms| -> Result<(String, String), Unknown> {
            let token = Some(token.expose());
            let holder = identities.key_holder(&session.access_key_id, token, now_ms)?;
            let Holder::FederatedUser(user) = &holder.holder else { unreachable!("ann's") };
            Ok((user.arn(ACCOUNT), user.issuer_arn(ACCOUNT)))
        };
        let arn = format!("arn:aws:sts::{ACCOUNT}:federated-user/ann");
        let by_bob = |path: &str| -> Result<(String, String), Unknown> {
            Ok((arn.clone(), format!("arn:aws:iam::{ACCOUNT}:user{path}bob")))
        };
        assert_eq!(ask(900_000), by_bob("/team/"));
        assert_eq!(ask(900_001), Err(Unknown::Expired));
        let moved = User { path: "/ops/".to_owned(), ..User::clone(&bob) };
        let put = |draft: &mut Draft, _: u64| {
            draft.put(moved);
            Ok::<_, IdentitiesStopped>(())
        };
        identities.change(put).await.expect("good");
        assert_eq!(ask(2), by_bob("/ops/"));
        create_user(&identities, "bob").await;
        assert_eq!(ask(2), Err(Unknown::Never), "another bob");
    }

    #[tokio::test]
    async fn the_last_use_of_a_key_outlives_changes_and_a_restart() {
        let store = MemoryStore::new();
        let identities = open(&store).await.expect("empty");
        let root = identities.ensure_root_key(ACCOUNT).await.expect("good").expect("the first");
        let bob = create_user(&identities, "bob").await;
        let unused = create_user(&identities, "eve").await;
        for id in [&root.id, &bob.id] {
            let holder = identities.access_key(id).expect("it exists");
            assert_eq!(holder.last_use(), None);
            holder.note_use(100_000, "sqs", "us-east-1");
        }
        disable_bob(&identities).await;
        let used =
            LastUse { at_ms: 100_000, service: "sqs".to_owned(), region: "us-east-1".to_owned() };
        let last = |identities: &Identities, id: &str| {
            identities.access_key(id).expect("it exists").last_use()
        };
        assert_eq!(last(&identities, &bob.id), Some(used.clone()));
        identities.shutdown().await;
        drop(identities);

        let identities = open(&store).await.expect("readable");
        assert_eq!(last(&identities, &bob.id), Some(used.clone()));
        assert_eq!(last(&identities, &root.id), Some(used));
        assert_eq!(last(&identities, &unused.id), None);
        assert!(!identities.access_key(&bob.id).expect("it exists").is_active);
    }

    #[tokio::test]
    async fn a_refused_change_changes_nothing() {
        let identities = open(&MemoryStore::new()).await.expect("empty");
        let refuse = |draft: &mut Draft, now_ms: u64| {
            draft.put(User::new(ACCOUNT, "/", "bob", now_ms));
            Err::<(), _>(IdentitiesStopped)
        };
        assert_eq!(identities.change(refuse).await, Err(IdentitiesStopped));
        assert_eq!(identities.snapshot().of_account::<User>(ACCOUNT).count(), 0);
    }

    #[tokio::test]
    async fn nobody_sees_a_change_that_is_not_durable() {
        let store = MemoryStore::new();
        let identities = open(&store).await.expect("empty");
        store.faults().fail_next_sync(1);
        assert_eq!(identities.ensure_root_key(ACCOUNT).await, Err(IdentitiesStopped));
        assert!(identities.snapshot().get::<Account>(&EntityKey::new(ACCOUNT, "")).is_none());
        assert_eq!(identities.ensure_root_key(ACCOUNT).await, Err(IdentitiesStopped));
    }

    #[tokio::test]
    async fn a_row_that_cannot_be_read_is_refused() {
        for (key, value, text) in [
            ("u123456789012\0bob", "{", "(user) cannot be read"),
            ("u123456789012\0bob", r#"{"version":2,"row":{}}"#, "(user) cannot be read"),
            ("z", "{}", "no known table"),
            ("a1\0", r#"{"version":1,"row":{"id":"2","root_keys":[]}}"#, "key of another"),
        ] {
            let store = MemoryStore::new();
            let mut batch = Batch::new();
            batch.put(Space::Rows, key.into(), value.into());
            let mut shard = store.open_shard(SHARD).expect("free");
            shard.commit(batch).durable().await.expect("the store is good");
            drop(shard);
            let error = open(&store).await.err().map(|error| error.to_string());
            assert!(error.as_deref().is_some_and(|it| it.contains(text)), "{key}: {error:?}");
        }
    }
}
