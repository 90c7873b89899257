//! What has to be gone is in no file any more.

use std::fs;
use std::path::Path;

use sluice_store::{Batch, Shard, ShardId, Space, Store};

use crate::directory::open;

/// Rows of one block do not compress, so that files hold them as they are.
const OLD: &str = "Kq7vXz93LmTbRw1YcUe0";
const NEW: &str = "h2NfPj6sGd8QaVo4IxZ5";
const DOOMED: &str = "wB0tEr9yMkCl3uHn7SgD";
const KEPT: &str = "Oa5iJf1pXq8zVv2mRc6T";

fn put(shard: &mut dyn Shard, key: &[u8], value: &str) {
    let mut batch = Batch::new();
    batch.put(Space::Rows, key.to_vec(), value.into());
    shard.commit(batch).wait().unwrap();
}

fn holds(path: &Path, text: &str) -> bool {
    fs::read_dir(path).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, text);
        }
        let content = fs::read(&path).unwrap_or_default();
        content.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

#[test]
fn what_was_removed_or_replaced_is_in_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let mut shard = store.open_shard(ShardId(7)).unwrap();
    let mut other = store.open_shard(ShardId(8)).unwrap();
    put(&mut *shard, b"a", OLD);
    put(&mut *shard, b"b", DOOMED);
    put(&mut *other, b"a", KEPT);
    shard.erase_removed().unwrap();
    for text in [OLD, DOOMED, KEPT] {
        assert!(holds(dir.path(), text), "in a table: {text}");
    }
    put(&mut *shard, b"a", NEW);
    let mut batch = Batch::new();
    batch.delete(Space::Rows, b"b".to_vec());
    shard.commit(batch).wait().unwrap();
    shard.erase_removed().unwrap();
    drop((shard, other));
    store.close().unwrap();
    drop(store);
    for (text, is_kept) in [(OLD, false), (DOOMED, false), (NEW, true), (KEPT, true)] {
        assert_eq!(holds(dir.path(), text), is_kept, "{text}");
    }
    let store = open(dir.path()).unwrap();
    for (shard, key, value) in [(7, b"a", Some(NEW)), (7, b"b", None), (8, b"a", Some(KEPT))] {
        let shard = store.open_shard(ShardId(shard)).unwrap();
        let found = shard.reader().get(Space::Rows, key).unwrap();
        assert_eq!(found.as_deref(), value.map(str::as_bytes));
    }
}
