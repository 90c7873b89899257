//! The offline check: clean on what a broker wrote, and not when any row of it is missing, damaged or wrong.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod broker_support;

use std::path::Path;
use std::sync::Arc;

use broker_support::clock;
use broker_support::every_table::{fill, open};
use sluice_server::broker::Health;
use sluice_server::identities::{self, AccessKey, Draft, Identities, IdentitiesStopped, User};
use sluice_server::keys::{self, KeyReference, Keys, Place};
use sluice_server::offline::{self, Checked, Finding, Severity};
use sluice_server::services::Switch;
use sluice_store::{Batch, OfflineStore, ShardId, Space};
use tempfile::TempDir;

/// A row of the store, as it stands there.
#[derive(Debug, Clone)]
struct Stored {
    shard: ShardId,
    space: Space,
    key: Vec<u8>,
    value: Vec<u8>,
}

async fn directory() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path()).await;
    dir
}

fn check(path: &Path) -> (Checked, Vec<Finding>) {
    let mut findings = Vec::new();
    let checked = offline::check(path, &mut |finding| findings.push(finding)).unwrap();
    let damages = findings.iter().filter(|it| it.severity == Severity::Damage).count() as u64;
    assert!(checked.damages >= damages);
    (checked, findings)
}

fn rows(path: &Path) -> Vec<Stored> {
    let store = OfflineStore::open(path).unwrap();
    let mut rows = Vec::new();
    for shard in store.shards().unwrap() {
        for space in [Space::Rows, Space::Bodies] {
            let found = store.reader(shard).scan(space, &[]..&[0xff; 64], usize::MAX).unwrap();
            rows.extend(found.into_iter().map(|(key, value)| Stored {
                shard,
                space,
                key,
                value: value.to_vec(),
            }));
        }
    }
    rows
}

/// Whether a log row of a message without group lies at or before the cursor of its log: then it is gone.
fn is_passed(row: &Stored, all: &[Stored]) -> bool {
    const NO_GROUP: [u8; 16] = [0; 16];
    row.key[0] == b'l'
        && row.key[9..25] == NO_GROUP
        && all.iter().any(|group| {
            let is_its_group = group.key[0] == b'g' && group.key[1..] == row.key[1..25];
            is_its_group && group.shard == row.shard && row.key[25..] <= group.value[1..9]
        })
}

/// Writes a row, or removes it.
fn write(path: &Path, row: &Stored, value: Option<&[u8]>) {
    let store = open(path, 0);
    let mut shard = store.open_shard(row.shard).unwrap();
    let mut batch = Batch::new();
    match value {
        Some(value) => batch.put(row.space, row.key.clone(), value.to_vec()),
        None => batch.delete(row.space, row.key.clone()),
    }
    shard.commit(batch).wait().unwrap();
    store.close().unwrap();
}

/// Says whether the check notices another value, and puts the old one back.
fn is_noticed(path: &Path, row: &Stored, value: Option<&[u8]>) -> bool {
    write(path, row, value);
    let (checked, _) = check(path);
    write(path, row, Some(&row.value));
    checked.damages > 0
}

#[tokio::test]
async fn what_a_broker_wrote_is_clean_and_has_rows_in_every_table() {
    let dir = directory().await;
    let (checked, findings) = check(dir.path());
    assert_eq!(findings, []);
    assert_eq!((checked.queues, checked.partitions, checked.messages), (7, 6, 38));
    let sizes = offline::sizes(dir.path()).unwrap();
    let tables = sizes.queues.iter().flat_map(|queue| queue.tables.keys().copied());
    let tables: std::collections::BTreeSet<_> = tables.collect();
    assert_eq!(tables.len(), 12, "{tables:?}");
    let rows: u64 =
        sizes.queues.iter().flat_map(|queue| queue.tables.values()).map(|size| size.rows).sum();
    let all = self::rows(dir.path());
    let passed = all.iter().filter(|row| is_passed(row, &all)).count() as u64;
    assert!(passed > 0);
    assert_eq!(rows, checked.rows + checked.messages + passed);
}

#[tokio::test]
async fn a_server_in_the_directory_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), 0);
    let error = offline::check(dir.path(), &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("in use by another process"), "{error}");
    drop(store);
    let missing = offline::check(&dir.path().join("missing"), &mut |_| {}).unwrap_err();
    assert!(missing.to_string().contains("missing"), "{missing}");
    assert!(!dir.path().join("missing").exists(), "a check makes no directory");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_an_error_and_no_damage() {
    let dir = directory().await;
    let mut files =
        std::fs::read_dir(dir.path().join("db")).unwrap().map(|entry| entry.unwrap().path());
    let table = files.find(|file| file.extension().is_some_and(|it| it == "sst")).unwrap();
    let content = std::fs::read(&table).unwrap();
    std::fs::remove_file(&table).unwrap();
    std::os::unix::fs::symlink(&table, &table).unwrap();
    let mut findings = Vec::new();
    let error = offline::check(dir.path(), &mut |finding| findings.push(finding)).unwrap_err();
    assert!(error.to_string().contains("symbolic links"), "{error}");
    assert_eq!(findings, []);
    std::fs::remove_file(&table).unwrap();
    std::fs::write(&table, content).unwrap();
    assert_eq!(check(dir.path()).1, []);
}

#[tokio::test]
async fn sizes_of_a_damaged_catalog_are_an_error() {
    let dir = directory().await;
    let all = rows(dir.path());
    let queue = all.iter().find(|row| row.shard == ShardId(0) && row.key[0] == b'q').unwrap();
    write(dir.path(), queue, Some(b"damaged"));
    let error = offline::sizes(dir.path()).unwrap_err();
    assert!(error.to_string().contains("catalog"), "{error}");
}

#[tokio::test]
async fn many_rows_of_no_known_table_are_not_told_one_by_one() {
    let dir = directory().await;
    for number in 0..20 {
        let (key, value) = (vec![b'?', number], vec![1]);
        let row = Stored { shard: ShardId(1), space: Space::Rows, key, value };
        write(dir.path(), &row, Some(&row.value));
    }
    let (checked, findings) = check(dir.path());
    assert_eq!(checked.damages, 20);
    assert_eq!(findings.len(), 11, "{findings:?}");
    assert!(findings[10].what.contains("10 more"), "{findings:?}");
}

/// Rows that nothing else says must be there: passed log rows, numbers of arrivals, move tasks, deleted queues, queues without
/// messages, and groups without log entries.
fn may_be_missing(row: &Stored, all: &[Stored]) -> bool {
    let table = row.key[0];
    if row.shard == ShardId(0) {
        return matches!(table, b'x' | b't') || (table == b'q' && row.key.ends_with(b"moved"));
    }
    let is_alone = |table: u8| {
        let same = all.iter().filter(|it| it.shard == row.shard && it.key[1..9] == row.key[1..9]);
        same.clone().count() == same.filter(|it| it.key[0] == table).count()
    };
    // After the version and the cursor.
    let has_no_entries = table == b'g' && row.value[9..17] == [0; 8];
    table == b'a' || has_no_entries || is_alone(table) || is_passed(row, all)
}

#[tokio::test]
async fn every_missing_row_is_noticed() {
    let dir = directory().await;
    let all = rows(dir.path());
    assert!(all.len() > 100);
    for row in all.iter().filter(|row| !may_be_missing(row, &all)) {
        assert!(is_noticed(dir.path(), row, None), "without {row:?}");
    }
    assert_eq!(check(dir.path()).1, []);
}

#[tokio::test]
async fn every_row_that_does_not_decode_is_noticed() {
    let dir = directory().await;
    let all = rows(dir.path());
    // A deadline has no value.
    for row in all.iter().filter(|row| !row.value.is_empty() && !is_passed(row, &all)) {
        let mut damaged = row.value.clone();
        damaged[0] ^= 0x40;
        assert!(is_noticed(dir.path(), row, Some(&damaged)), "another version of {row:?}");
    }
}

#[tokio::test]
async fn wrong_numbers_in_the_rows_of_partitions_and_groups_are_noticed() {
    let dir = directory().await;
    // Where the counts and cursors of a partition row stand, and its last number.
    let (counts, cursors, last) = ([17, 25, 49, 65, 97], [33, 57, 73, 105, 113], 9);
    let mut hidden = 0;
    for row in rows(dir.path()) {
        let change = |at: usize, to: u64| {
            let mut value = row.value.clone();
            value[at..at + 8].copy_from_slice(&to.to_be_bytes());
            is_noticed(dir.path(), &row, Some(&value))
        };
        let number = |at: usize| u64::from_be_bytes(row.value[at..at + 8].try_into().unwrap());
        match (row.shard, row.key[0]) {
            (ShardId(0), _) => {}
            (_, b'p') => {
                for at in counts {
                    assert!(change(at, number(at) + 1), "count at {at} of {row:?}");
                }
                hidden += cursors.iter().filter(|at| change(**at, u64::MAX)).count();
                assert!(number(last) == 0 || change(last, 1), "last number of {row:?}");
            }
            (_, b'g') => {
                assert!(change(9, number(9) + 1), "count of {row:?}");
                assert!(number(9) == 0 || change(1, u64::MAX), "cursor of {row:?}");
                assert!(change(17, 7), "place of {row:?}");
            }
            _ => {}
        }
    }
    assert!(hidden >= 5, "a cursor of each table can hide rows: {hidden}");
}

#[tokio::test]
async fn a_message_that_changed_is_noticed() {
    let dir = directory().await;
    let bodies: Vec<Stored> =
        rows(dir.path()).into_iter().filter(|row| row.space == Space::Bodies).collect();
    for row in bodies.iter().take(5) {
        let mut value = row.value.clone();
        *value.last_mut().unwrap() ^= 1;
        assert!(is_noticed(dir.path(), row, Some(&value)), "{row:?}");
    }
}

/// A directory with an account, its root's key, and a user with a key.
async fn identities_directory() -> TempDir {
    const ACCOUNT: &str = "123456789012";
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), 0);
    let shard = store.open_shard(identities::SHARD).unwrap();
    let opened = Identities::open(shard, None, Arc::new(clock()), Health::default());
    let opened = opened.await.unwrap();
    opened.ensure_root_key(ACCOUNT).await.unwrap();
    let add_bob = |draft: &mut Draft, now_ms| {
        let access_keys = vec![AccessKey::new(ACCOUNT, now_ms, |_| false)];
        draft.put(User { access_keys, ..User::new(ACCOUNT, "/", "bob", now_ms) });
        Ok::<_, IdentitiesStopped>(())
    };
    opened.change(add_bob).await.unwrap();
    opened.shutdown().await;
    drop(opened);
    store.close().unwrap();
    dir
}

#[tokio::test]
async fn identities_are_clean_and_a_wrong_row_among_them_is_noticed() {
    let dir = identities_directory().await;
    assert_eq!(check(dir.path()), (Checked::default(), Vec::new()));
    assert_eq!(offline::sizes(dir.path()).unwrap().queues, []);
    let all = rows(dir.path());
    assert_eq!(all.len(), 3);
    for row in &all {
        assert_eq!(row.shard, identities::SHARD);
        let is_settings = row.key == b"m";
        let mut damaged = row.value.clone();
        damaged[0] ^= 0x40;
        assert!(is_noticed(dir.path(), row, Some(&damaged)), "another version of {row:?}");
        let newer = String::from_utf8(row.value.clone()).unwrap();
        let newer = newer.replacen("\"version\":1", "\"version\":2", 1);
        assert!(is_noticed(dir.path(), row, Some(newer.as_bytes())), "a newer {row:?}");
        let elsewhere = Stored { key: [&row.key[..], b"x"].concat(), ..row.clone() };
        write(dir.path(), &elsewhere, Some(&row.value));
        let what = if is_settings { "no known table" } else { "key of another" };
        assert!(check(dir.path()).1[0].what.contains(what), "{row:?}");
        write(dir.path(), &elsewhere, None);
        assert_eq!(is_noticed(dir.path(), row, None), is_settings, "without {row:?}");
    }
    assert_eq!(check(dir.path()).1, []);
}

#[tokio::test]
async fn an_access_key_of_two_users_and_rows_of_no_identity_are_noticed() {
    let dir = identities_directory().await;
    let all = rows(dir.path());
    let bob = all.iter().find(|row| row.key.ends_with(b"bob")).unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap().replace("bob", "eve");
    let eve = Stored { key: text(&bob.key).into_bytes(), ..bob.clone() };
    let unknown = Stored { key: b"?".to_vec(), ..bob.clone() };
    let body = Stored { space: Space::Bodies, ..bob.clone() };
    for (row, what) in
        [(eve, "belongs to two"), (unknown, "no known table"), (body, "a body among identities")]
    {
        write(dir.path(), &row, Some(text(&bob.value).as_bytes()));
        let (checked, findings) = check(dir.path());
        write(dir.path(), &row, None);
        assert_eq!(checked.damages, 1, "{findings:?}");
        assert!(
            findings[0].place == "identities" && findings[0].what.contains(what),
            "{findings:?}"
        );
    }
}

/// A directory with a KMS key and its alias.
async fn keys_directory() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), 0);
    let shard = store.open_shard(keys::SHARD).unwrap();
    let opened = Keys::open(shard, None, Switch::On, Arc::new(clock()), Health::default());
    let opened = opened.await.unwrap();
    let place = Place::new("123456789012", "us-east-1");
    let reference = KeyReference::parse("alias/aws/sqs", &place).unwrap();
    opened.find(&reference, &place, 0).await.unwrap();
    opened.shutdown().await;
    drop(opened);
    store.close().unwrap();
    dir
}

#[tokio::test]
async fn kms_keys_are_clean_and_a_wrong_or_missing_row_among_them_is_noticed() {
    let dir = keys_directory().await;
    assert_eq!(check(dir.path()), (Checked::default(), Vec::new()));
    let all = rows(dir.path());
    assert_eq!(all.len(), 3, "a key, an alias and the root");
    for row in &all {
        assert_eq!(row.shard, keys::SHARD);
        let mut damaged = row.value.clone();
        damaged[0] ^= 0x40;
        write(dir.path(), row, Some(&damaged));
        let (_, findings) = check(dir.path());
        write(dir.path(), row, Some(&row.value));
        assert!(!findings.is_empty() && findings[0].place == "KMS keys", "{row:?}: {findings:?}");
        let is_key = row.key[0] == b'k';
        assert_eq!(is_noticed(dir.path(), row, None), is_key, "without {row:?}");
    }
    assert_eq!(check(dir.path()).1, []);
}
