//! Temporary data directories, copies of them, and small batches.

use std::fs;
use std::path::{Path, PathBuf};

use sluice_store::{Batch, RocksOptions, RocksStore, Space, StoreError};
use tempfile::TempDir;

/// Options for small stores.
pub(crate) fn options(path: &Path) -> RocksOptions {
    RocksOptions {
        block_cache_bytes: 1 << 20,
        write_buffer_bytes: 4 << 20,
        reserve_bytes: 0,
        ..RocksOptions::new(path)
    }
}

pub(crate) fn open(path: &Path) -> Result<RocksStore, StoreError> {
    RocksStore::open(options(path))
}

/// Returns the error of an opening that must be refused.
pub(crate) fn refusal(path: &Path) -> StoreError {
    match open(path) {
        Ok(_) => panic!("{} was opened", path.display()),
        Err(error) => error,
    }
}

/// Copies a directory as it is now, as a power failure would leave it at best.
pub(crate) fn copy_of(path: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_into(path, copy.path());
    copy
}

fn copy_into(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&target).unwrap();
            copy_into(&entry.path(), &target);
        } else if entry.file_name() != "LOCK" {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Returns the logs of a data directory, oldest first.
pub(crate) fn logs(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path.join("db")).unwrap().map(|entry| entry.unwrap().path());
    let mut logs: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|e| e == "log")).collect();
    logs.sort();
    logs
}

pub(crate) fn newest_log(path: &Path) -> PathBuf {
    logs(path).pop().unwrap()
}

/// A batch that puts one row.
pub(crate) fn row(key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Batch {
    let mut batch = Batch::new();
    batch.put(Space::Rows, key.as_ref().to_vec(), value.as_ref().to_vec());
    batch
}
