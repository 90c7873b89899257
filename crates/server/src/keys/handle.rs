//! The handle in front of the keys.

use std::sync::Arc;

use sluice_store::Shard;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::ciphertext::Ciphertext;
use super::encryption_context::EncryptionContext;
use super::error::{KeyError, KeysStopped};
use super::key::{Key, KeyState, NewKey, Rotation};
use super::material::{Material, MaterialOrigin};
use super::root;
use super::rows::{self, OpenError};
use super::snapshot::{Draft, Snapshot};
use crate::broker::Health;
use crate::clock::Clock;
use crate::encryption::{Encryption, SealingKey};
use crate::rare_changes::RareChanges;
use crate::services::Switch;

/// Which KMS keys there are, and their material. Cheap to clone.
#[derive(Clone)]
pub struct Keys {
    shared: Arc<Shared>,
}

struct Shared {
    changes: RareChanges<Draft>,
    /// None where there is nothing to seal material with.
    root: Option<SealingKey>,
}

impl Keys {
    /// Reads every key and starts the task that changes them. Their material is sealed with what `encryption` has, or where
    /// there is none and `without_master_key` is on, with a root that is stored beside them.
    ///
    /// # Errors
    /// What is wrong with the store or a row in it, with nothing left that uses the shard.
    pub async fn open(
        mut shard: Box<dyn Shard>,
        encryption: Option<Encryption>,
        without_master_key: Switch,
        clock: Arc<dyn Clock>,
        health: Health,
    ) -> Result<Self, OpenError> {
        let read = move || {
            let root = root::open(&mut *shard, encryption.as_ref(), without_master_key)?;
            let snapshot = rows::read_all(&*shard.reader())?;
            Ok::<_, OpenError>((shard, root, snapshot))
        };
        // Reading waits for the disk, which a task must not.
        let (shard, root, snapshot) = tokio::task::spawn_blocking(read).await??;
        let changes = RareChanges::start(shard, snapshot, clock, health, "the KMS keys");
        Ok(Self { shared: Arc::new(Shared { changes, root }) })
    }

    /// Everything at this moment. Never waits.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.shared.changes.snapshot()
    }

    /// Decides and makes a change. It is durable when this returns, and seen by everyone. `decide` gets the time in epoch
    /// milliseconds; what it refuses changes nothing.
    ///
    /// # Errors
    /// What `decide` refuses, or [`KeysStopped`].
    pub async fn change<T, E>(
        &self,
        decide: impl FnOnce(&mut Draft, u64) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<KeysStopped> + Send + 'static,
    {
        self.shared.changes.change(decide).await
    }

    /// Makes a key with material.
    ///
    /// # Errors
    /// [`KeyError::NoMasterKey`]
    pub fn make(&self, new: NewKey, now_ms: u64) -> Result<Key, KeyError> {
        let id = Uuid::new_v4().to_string();
        let material =
            Material::make(self.root()?, (&new.place, &id), MaterialOrigin::Created, now_ms);
        Ok(Key {
            place: new.place,
            id,
            manager: new.manager,
            created_at_ms: now_ms,
            description: new.description,
            state: KeyState::Enabled,
            policy: new.policy,
            tags: new.tags,
            rotation: new.rotation_days.map(|days| Rotation::every(days, now_ms)),
            grants: Vec::new(),
            materials: vec![material],
        })
    }

    /// Gives a key new material.
    ///
    /// # Errors
    /// [`KeyError::NoMasterKey`]
    pub fn rotate(
        &self,
        key: &mut Key,
        origin: MaterialOrigin,
        now_ms: u64,
    ) -> Result<(), KeyError> {
        let material = Material::make(self.root()?, (&key.place, &key.id), origin, now_ms);
        key.materials.push(material);
        Ok(())
    }

    /// Encrypts with the material of a key that is in use, whoever asks.
    ///
    /// # Errors
    /// [`KeyError`]
    pub fn encrypt(
        &self,
        key: &Key,
        encryption_context: &EncryptionContext,
        plaintext: &[u8],
    ) -> Result<Vec<u8>, KeyError> {
        key.check_usable()?;
        let material = key.material();
        let secret = self.secret(key, material)?;
        let ids = (&*key.id, &*material.id);
        Ciphertext::encrypt(&secret, ids, encryption_context, plaintext)
            .ok_or(KeyError::UnreadableMaterial)
    }

    /// Decrypts with the material that a ciphertext names, whoever asks. Also tells that material.
    ///
    /// # Errors
    /// [`KeyError`]
    pub fn decrypt<'k>(
        &self,
        key: &'k Key,
        encryption_context: &EncryptionContext,
        ciphertext: &Ciphertext<'_>,
    ) -> Result<(Zeroizing<Vec<u8>>, &'k Material), KeyError> {
        key.check_usable()?;
        if ciphertext.key_id() != key.id {
            return Err(KeyError::IncorrectKey);
        }
        let id = ciphertext.material_id();
        let material = key.materials.iter().find(|material| material.id == id);
        let material = material.ok_or(KeyError::InvalidCiphertext)?;
        let secret = self.secret(key, material)?;
        let plaintext = ciphertext.decrypt(&secret, encryption_context);
        Ok((plaintext.ok_or(KeyError::InvalidCiphertext)?, material))
    }

    /// Makes the changes that wait, and ends the task.
    pub async fn shutdown(&self) {
        self.shared.changes.shutdown().await;
    }

    fn root(&self) -> Result<&SealingKey, KeyError> {
        self.shared.root.as_ref().ok_or(KeyError::NoMasterKey)
    }

    fn secret(&self, key: &Key, material: &Material) -> Result<SealingKey, KeyError> {
        let secret = material.open(self.root()?, (&key.place, &key.id));
        secret.ok_or(KeyError::UnreadableMaterial)
    }
}
