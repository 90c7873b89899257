//! Keys over a store: what is kept, what time brings about, and what happens without a master key.

use std::sync::Arc;

use sluice_store::{Batch, MemoryStore, RocksOptions, RocksStore, Space, Store};

use super::*;
use crate::broker::Health;
use crate::clock::{Clock, SystemClock};
use crate::encryption::{Encryption, MasterKey, MasterKeys};
use crate::identities::Tags;
use crate::services::Switch;

const DAY_MS: u64 = 86_400_000;

fn place() -> Place {
    Place::new("111122223333", "us-east-1")
}

async fn encryption(store: &dyn Store) -> Option<Encryption> {
    let text = "3q2+796tvu/erb7v3q2+796tvu/erb7v3q2+796tvu8=";
    let master_key = MasterKey::parse(text).expect("32 bytes");
    let shard = store.open_shard(crate::encryption::SHARD).expect("free");
    let master_keys = MasterKeys { current: Some(master_key), previous: None };
    let opened = Encryption::open(shard, master_keys, Arc::new(SystemClock));
    opened.await.expect("its master key")
}

async fn try_open(
    store: &dyn Store,
    encryption: Option<Encryption>,
    without_master_key: Switch,
) -> Result<Keys, OpenError> {
    let shard = store.open_shard(SHARD).expect("free");
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Keys::open(shard, encryption, without_master_key, clock, Health::default()).await
}

async fn open(store: &dyn Store) -> Keys {
    try_open(store, None, Switch::On).await.expect("readable")
}

async fn create(keys: &Keys, change: impl FnOnce(&mut Key, u64) + Send + 'static) -> Key {
    let maker = keys.clone();
    let created = keys.change(move |draft: &mut Draft, now_ms| {
        let mut key = maker.make(
            NewKey {
                place: place(),
                manager: KeyManager::Customer,
                description: String::new(),
                policy: Key::default_policy("111122223333"),
                tags: Tags::new(),
                rotation_days: None,
            },
            now_ms,
        )?;
        change(&mut key, now_ms);
        draft.put_key(key.clone());
        draft.put_alias(Alias::new(place(), "alias/it", &key.id, now_ms));
        Ok::<_, KeyError>(key)
    });
    created.await.expect("the store is good")
}

fn decrypted(keys: &Keys, id: &str, bytes: &[u8]) -> Result<Vec<u8>, KeyError> {
    let snapshot = keys.snapshot();
    let key = snapshot.key(id, SystemClock.now_ms()).ok_or(KeyError::NotFound(id.to_owned()))?;
    let ciphertext = Ciphertext::parse(bytes).expect("ours");
    let opened = keys.decrypt(key, &EncryptionContext::default(), &ciphertext);
    opened.map(|(plaintext, _)| plaintext.to_vec())
}

#[tokio::test]
async fn a_second_open_finds_keys_that_decrypt_and_the_material_of_before() {
    let store = MemoryStore::new();
    let keys = open(&store).await;
    let key = create(&keys, |_, _| {}).await;
    let none = EncryptionContext::default();
    let old = keys.encrypt(&key, &none, b"old").expect("usable");
    let id = key.id.clone();
    let (maker, rotating) = (keys.clone(), key.clone());
    let rotate = move |draft: &mut Draft, now_ms| {
        let mut key = rotating;
        maker.rotate(&mut key, MaterialOrigin::OnDemand, now_ms)?;
        draft.put_key(key.clone());
        Ok::<_, KeyError>(key)
    };
    let rotated = keys.change(rotate).await.expect("good");
    let new = keys.encrypt(&rotated, &none, b"new").expect("usable");
    keys.shutdown().await;
    drop(keys);

    let keys = open(&store).await;
    let found = keys.snapshot().key(&id, 0).cloned();
    assert_eq!(found.as_deref(), Some(&rotated));
    assert_eq!(decrypted(&keys, &id, &old), Ok(b"old".to_vec()));
    assert_eq!(decrypted(&keys, &id, &new), Ok(b"new".to_vec()));
    let material = |bytes| Ciphertext::parse(bytes).expect("ours").material_id();
    assert_eq!(material(&old), rotated.materials[0].id);
    assert_eq!(material(&new), rotated.materials[1].id);
}

#[tokio::test]
async fn a_key_whose_time_is_over_is_gone_at_once_and_its_material_soon() {
    let store = MemoryStore::new();
    let keys = open(&store).await;
    let kept = create(&keys, |key, now_ms| {
        key.delete_in(7, now_ms);
    });
    let kept = kept.await;
    let doomed = create(&keys, |key, _| key.state = KeyState::PendingDeletion { delete_at_ms: 7 });
    let doomed = doomed.await;
    let now_ms = SystemClock.now_ms();
    assert!(keys.snapshot().key(&doomed.id, now_ms).is_none(), "before anybody deletes it");
    let by_alias = KeyReference::Alias { place: place(), name: "alias/it".to_owned() };
    assert!(keys.snapshot().find(&by_alias, now_ms).is_err());
    keys.catch_up(now_ms).await.expect("good");
    let end_ms = now_ms + 8 * DAY_MS;
    assert!(keys.snapshot().key(&kept.id, now_ms).is_some());
    assert!(keys.snapshot().key(&kept.id, end_ms).is_none());
    keys.shutdown().await;
    drop(keys);
    let shard = store.open_shard(SHARD).expect("free");
    let rows = shard.reader().scan(Space::Rows, &[]..&[0xff], 100).expect("readable");
    let rows = String::from_utf8(rows.into_iter().flat_map(|(_, value)| value.to_vec()).collect());
    let rows = rows.expect("JSON");
    assert!(!rows.contains(&doomed.material().id) && !rows.contains("alias/it"), "{rows}");
    assert!(rows.contains(&kept.material().id), "{rows}");
}

#[tokio::test]
async fn the_material_of_a_deleted_key_is_in_no_file() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = RocksStore::open(RocksOptions::new(dir.path())).expect("a new directory");
    let keys = open(&store).await;
    let kept = create(&keys, |_, _| {}).await;
    let doomed = create(&keys, |key, _| key.state = KeyState::PendingDeletion { delete_at_ms: 7 });
    let doomed = doomed.await;
    let holds = |key: &Key| {
        let files = std::fs::read_dir(dir.path().join("db")).expect("it is there");
        let mut contents = files.filter_map(|file| std::fs::read(file.ok()?.path()).ok());
        let sealed = key.material().sealed.as_bytes();
        contents.any(|content| content.windows(sealed.len()).any(|window| window == sealed))
    };
    assert!(holds(&kept) && holds(&doomed), "in the log");
    keys.catch_up(SystemClock.now_ms()).await.expect("good");
    keys.shutdown().await;
    drop(keys);
    store.close().expect("good");
    drop(store);
    assert!(holds(&kept) && !holds(&doomed));
}

#[tokio::test]
async fn a_key_that_rotates_gets_new_material_when_its_time_has_come_and_it_is_enabled() {
    let keys = open(&MemoryStore::new()).await;
    let due = Rotation { period_days: 90, next_at_ms: 7 };
    let enabled = create(&keys, move |key, _| key.rotation = Some(due)).await;
    let disabled = create(&keys, move |key, _| {
        key.rotation = Some(due);
        key.state = KeyState::Disabled;
    });
    let disabled = disabled.await;
    let now_ms = SystemClock.now_ms();
    for _ in 0..2 {
        keys.catch_up(now_ms).await.expect("good");
    }
    let now = keys.snapshot().key(&enabled.id, 0).cloned().expect("it is there");
    assert_eq!(now.materials.len(), 2, "rotated once");
    assert_eq!(now.material().origin, MaterialOrigin::Automatic);
    let next_at_ms = now.rotation.expect("as before").next_at_ms;
    assert!(next_at_ms >= now_ms + 90 * DAY_MS);
    assert_eq!(keys.snapshot().key(&disabled.id, 0).map(|key| key.materials.len()), Some(1));
}

#[tokio::test]
async fn a_key_that_cannot_rotate_does_not_keep_the_material_of_deleted_ones() {
    let store = MemoryStore::new();
    let keys = open(&store).await;
    let due = Rotation { period_days: 90, next_at_ms: 7 };
    let rotating = create(&keys, move |key, _| key.rotation = Some(due)).await;
    let doomed = create(&keys, |key, _| key.state = KeyState::PendingDeletion { delete_at_ms: 7 });
    let doomed = doomed.await;
    keys.shutdown().await;
    drop(keys);
    let keys = try_open(&store, None, Switch::Off).await.expect("readable");
    keys.catch_up(SystemClock.now_ms()).await.expect("good");
    let snapshot = keys.snapshot();
    assert!(snapshot.key(&doomed.id, 0).is_none());
    assert_eq!(snapshot.key(&rotating.id, 0).map(|key| &**key), Some(&rotating));
}

#[tokio::test]
async fn the_key_of_a_service_is_made_once() {
    let keys = open(&MemoryStore::new()).await;
    let find = async |name: &str| {
        let reference = KeyReference::parse(name, &place()).expect("a reference");
        keys.find(&reference, &place(), 0).await
    };
    let first = find("alias/aws/sqs").await.expect("made");
    assert_eq!(find("alias/aws/sqs").await.map(|key| key.id.clone()), Ok(first.id.clone()));
    assert_eq!(first.manager, KeyManager::Aws);
    assert!(find("alias/aws/other").await.is_err());
    assert!(find("arn:aws:kms:us-east-1:999999999999:alias/aws/sqs").await.is_err());
}

#[tokio::test]
async fn without_a_master_key_there_are_no_keys_unless_the_root_may_be_stored() {
    let store = MemoryStore::new();
    let keys = try_open(&store, None, Switch::Off).await.expect("no rows");
    let reference = KeyReference::parse("alias/aws/sqs", &place()).expect("a reference");
    let refused = keys.find(&reference, &place(), 0).await;
    assert_eq!(refused.map(drop), Err(KeyError::NoMasterKey));
    assert!(KeyError::NoMasterKey.to_string().contains("master_key_file"));
    keys.shutdown().await;
    drop(keys);
    open(&store).await.shutdown().await;
    let with_master_key = async || try_open(&store, encryption(&store).await, Switch::On).await;
    with_master_key().await.expect("the root sealed nothing").shutdown().await;
    let keys = open(&store).await;
    create(&keys, |_, _| {}).await;
    keys.shutdown().await;
    drop(keys);
    let error = with_master_key().await.err();
    assert!(error.is_some_and(|error| error.to_string().contains("without a master key")));
}

#[tokio::test]
async fn with_a_master_key_nothing_beside_the_material_opens_it() {
    let store = MemoryStore::new();
    let keys = try_open(&store, encryption(&store).await, Switch::Off).await.expect("good");
    let key = create(&keys, |_, _| {}).await;
    let bytes = keys.encrypt(&key, &EncryptionContext::default(), b"x").expect("usable");
    keys.shutdown().await;
    drop(keys);
    let keys = try_open(&store, encryption(&store).await, Switch::Off).await.expect("good");
    assert_eq!(decrypted(&keys, &key.id, &bytes), Ok(b"x".to_vec()));
    keys.shutdown().await;
    drop(keys);
    let keys = try_open(&store, None, Switch::Off).await.expect("good");
    assert_eq!(decrypted(&keys, &key.id, &bytes), Err(KeyError::NoMasterKey));
}

#[tokio::test]
async fn a_key_that_cannot_be_used_neither_encrypts_nor_decrypts() {
    let keys = open(&MemoryStore::new()).await;
    let key = create(&keys, |_, _| {}).await;
    let other = create(&keys, |_, _| {}).await;
    let none = EncryptionContext::default();
    let bytes = keys.encrypt(&key, &none, b"x").expect("usable");
    let ciphertext = Ciphertext::parse(&bytes).expect("ours");
    let opens = |key: &Key| keys.decrypt(key, &none, &ciphertext).map(drop);
    assert_eq!(opens(&other), Err(KeyError::IncorrectKey));
    let disabled = Key { state: KeyState::Disabled, ..key.clone() };
    assert_eq!(opens(&disabled), Err(KeyError::Disabled(key.arn())));
    assert!(keys.encrypt(&disabled, &none, b"x").is_err());
    let pending =
        Key { state: KeyState::PendingDeletion { delete_at_ms: u64::MAX }, ..key.clone() };
    let text = format!("{} is pending deletion.", key.arn());
    assert_eq!(opens(&pending), Err(KeyError::InvalidState(text)));
    let without = Key { materials: other.materials, ..key };
    assert_eq!(opens(&without), Err(KeyError::InvalidCiphertext), "its material is gone");
}

#[tokio::test]
async fn rows_that_are_wrong_are_refused_and_found_by_the_check() {
    let store = MemoryStore::new();
    let keys = open(&store).await;
    let key = create(&keys, |_, _| {}).await;
    keys.shutdown().await;
    drop(keys);
    let mut shard = store.open_shard(SHARD).expect("free");
    let rows = shard.reader().scan(Space::Rows, &[]..&[0xff], 100).expect("readable");
    assert_eq!(rows.len(), 3, "a key, an alias and the root");
    let found = |shard: &dyn sluice_store::Shard| {
        let mut found = Vec::new();
        check(&*shard.reader(), &mut |what| found.push(what.to_string()));
        found
    };
    assert_eq!(found(&*shard), [""; 0]);
    for (row, value) in &rows {
        let text = String::from_utf8(value.to_vec()).expect("JSON");
        let newer = text.replacen("\"version\":1", "\"version\":2", 1);
        for (changed, elsewhere) in [(newer, false), (format!("x{text}"), false), (text, true)] {
            let mut batch = Batch::new();
            let place = if elsewhere { [&row[..], b"x"].concat() } else { row.clone() };
            batch.put(Space::Rows, place.clone(), changed.into_bytes());
            shard.commit(batch).durable().await.expect("good");
            assert!(!found(&*shard).is_empty(), "{row:?} {elsewhere}");
            let mut batch = Batch::new();
            batch.delete(Space::Rows, place);
            batch.put(Space::Rows, row.clone(), value.to_vec());
            shard.commit(batch).durable().await.expect("good");
        }
    }
    let mut batch = Batch::new();
    let row = rows.iter().find(|(row, _)| row[0] == b'k').expect("the key");
    batch.delete(Space::Rows, row.0.clone());
    shard.commit(batch).durable().await.expect("good");
    let missing = found(&*shard);
    assert!(missing.len() == 1 && missing[0].contains(&key.id), "{missing:?}");
}
