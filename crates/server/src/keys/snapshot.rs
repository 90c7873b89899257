//! Every key and alias at one moment. A copy shares what has not changed, so a change costs the same however many there are.

use std::sync::Arc;

use rpds::{HashTrieMapSync, RedBlackTreeMapSync};
use sluice_store::Batch;

use super::alias::Alias;
use super::ciphertext::Ciphertext;
use super::error::{KeyError, KeysStopped};
use super::key::Key;
use super::place::Place;
use super::reference::KeyReference;
use super::rows;
use crate::rare_changes::Change;

/// By place, and within it by id or name.
type Table<T> = RedBlackTreeMapSync<(Place, String), Arc<T>>;

/// Every key and alias at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    keys: Table<Key>,
    aliases: Table<Alias>,
    /// The keys again: ids are unique.
    by_id: HashTrieMapSync<String, Arc<Key>>,
}

impl Snapshot {
    /// Finds a key by its id, wherever it is. One whose time is over is none.
    pub fn key(&self, id: &str, now_ms: u64) -> Option<&Arc<Key>> {
        self.by_id.get(id).filter(|key| !key.is_gone(now_ms))
    }

    /// Finds an alias.
    pub fn alias(&self, place: &Place, name: &str) -> Option<&Arc<Alias>> {
        self.aliases.get(&(place.clone(), name.to_owned()))
    }

    /// Finds the key that somebody names.
    ///
    /// # Errors
    /// [`KeyError::NotFound`]
    pub fn find(&self, reference: &KeyReference, now_ms: u64) -> Result<&Arc<Key>, KeyError> {
        match reference {
            KeyReference::Key { place, id } => {
                let key = self.key(id, now_ms).filter(|key| key.place == *place);
                key.ok_or_else(|| KeyError::no_such_key(&reference.arn()))
            }
            KeyReference::Alias { place, name } => {
                let alias = self.alias(place, name);
                let key = alias.and_then(|alias| self.key(&alias.key_id, now_ms));
                key.ok_or_else(|| KeyError::no_such_alias(&reference.arn()))
            }
        }
    }

    /// Finds the key that made a ciphertext, as callers in an account and region see it.
    ///
    /// # Errors
    /// [`KeyError::NotFound`]
    pub fn key_of(
        &self,
        ciphertext: &Ciphertext<'_>,
        caller: &Place,
        now_ms: u64,
    ) -> Result<&Arc<Key>, KeyError> {
        let id = ciphertext.key_id();
        let key = self.key(&id, now_ms).filter(|key| key.place.region == caller.region);
        key.ok_or_else(|| KeyError::no_such_key(&caller.arn(&format!("key/{id}"))))
    }

    /// The keys of a place, by id.
    pub fn keys_of<'a>(
        &'a self,
        place: &'a Place,
        now_ms: u64,
    ) -> impl Iterator<Item = &'a Arc<Key>> {
        in_place(&self.keys, place).filter(move |key| !key.is_gone(now_ms))
    }

    /// The aliases of a place, by name.
    pub fn aliases_of<'a>(&'a self, place: &'a Place) -> impl Iterator<Item = &'a Arc<Alias>> {
        in_place(&self.aliases, place)
    }

    /// The aliases of a key, by name.
    pub fn aliases_of_key<'a>(&'a self, key: &'a Key) -> impl Iterator<Item = &'a Arc<Alias>> {
        self.aliases_of(&key.place).filter(|alias| alias.key_id == key.id)
    }

    /// Every key, also those whose time is over.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Arc<Key>> {
        self.keys.values()
    }

    /// Every alias.
    pub(super) fn aliases(&self) -> impl Iterator<Item = &Arc<Alias>> {
        self.aliases.values()
    }

    /// Adds or replaces a key.
    pub(super) fn insert_key(&mut self, key: Key) {
        let key = Arc::new(key);
        self.by_id.insert_mut(key.id.clone(), Arc::clone(&key));
        self.keys.insert_mut((key.place.clone(), key.id.clone()), key);
    }

    /// Adds or replaces an alias.
    pub(super) fn insert_alias(&mut self, alias: Alias) {
        self.aliases.insert_mut((alias.place.clone(), alias.name.clone()), Arc::new(alias));
    }
}

fn in_place<'a, T>(table: &'a Table<T>, place: &'a Place) -> impl Iterator<Item = &'a Arc<T>> {
    let range = table.range((place.clone(), String::new())..);
    range.take_while(move |((other, _), _)| other == place).map(|(_, value)| value)
}

/// A change under decision: keys and aliases as they will be, and the rows that make it so. Dropped, it changes nothing.
#[derive(Debug)]
pub struct Draft {
    snapshot: Snapshot,
    batch: Batch,
    removes_material: bool,
}

impl Draft {
    /// Keys and aliases as they will be.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Adds or replaces a key.
    pub fn put_key(&mut self, key: Key) {
        rows::put_key(&mut self.batch, &key);
        self.snapshot.insert_key(key);
    }

    /// Removes a key with its material, and its aliases.
    pub fn remove_key(&mut self, key: &Key) {
        let aliases: Vec<Arc<Alias>> = self.snapshot.aliases_of_key(key).cloned().collect();
        aliases.iter().for_each(|alias| self.remove_alias(alias));
        rows::delete_key(&mut self.batch, key);
        self.removes_material = true;
        self.snapshot.by_id.remove_mut(&key.id);
        self.snapshot.keys.remove_mut(&(key.place.clone(), key.id.clone()));
    }

    /// Adds or replaces an alias.
    pub fn put_alias(&mut self, alias: Alias) {
        rows::put_alias(&mut self.batch, &alias);
        self.snapshot.insert_alias(alias);
    }

    /// Removes an alias.
    pub fn remove_alias(&mut self, alias: &Alias) {
        rows::delete_alias(&mut self.batch, alias);
        self.snapshot.aliases.remove_mut(&(alias.place.clone(), alias.name.clone()));
    }
}

impl Change for Draft {
    type Snapshot = Snapshot;
    type Stopped = KeysStopped;

    fn of(snapshot: &Snapshot) -> Self {
        Self { snapshot: snapshot.clone(), batch: Batch::new(), removes_material: false }
    }

    fn into_parts(self) -> (Snapshot, Batch) {
        (self.snapshot, self.batch)
    }

    fn erases(&self) -> bool {
        self.removes_material
    }

    fn stopped() -> KeysStopped {
        KeysStopped
    }
}
