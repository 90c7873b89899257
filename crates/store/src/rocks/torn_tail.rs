//! What a crash left half written at the end of files: found before RocksDB reads them, and cut off.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use super::{manifest_check, wal_check};
use crate::StoreError;
use crate::data_dir::sync_dir;

/// The end of a log or of the manifest that was never made durable as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TornTail {
    pub(super) file: PathBuf,
    /// Where it begins.
    pub(super) kept_bytes: u64,
}

/// Reads manifest and logs of the database in `path` and refuses those that are damaged; nothing is changed. A directory
/// that does not exist is fine.
pub(super) fn find(path: &Path) -> Result<Vec<TornTail>, StoreError> {
    let (known, manifest) = manifest_check::judge(path)?;
    let logs = wal_check::judge(path, known)?;
    Ok(manifest.into_iter().chain(logs).collect())
}

/// Cuts off, durably, what was found in `path`.
pub(super) fn cut(path: &Path, torn: &[TornTail]) -> Result<(), StoreError> {
    for tail in torn {
        cut_one(tail)?;
    }
    if torn.is_empty() { Ok(()) } else { sync_dir(path) }
}

fn cut_one(TornTail { file, kept_bytes }: &TornTail) -> Result<(), StoreError> {
    let io = |error| StoreError::io("cut the torn tail of", file, error);
    let opened = OpenOptions::new().write(true).open(file).map_err(io)?;
    let bytes = opened.metadata().map_err(io)?.len();
    if bytes <= *kept_bytes {
        return Ok(());
    }
    tracing::warn!(
        file = %file.display(), offset = kept_bytes, dropped_bytes = bytes - kept_bytes,
        "cutting a torn tail: usually a write that the crash interrupted and nobody was told of; if the disk is damaged, acknowledged data may be lost"
    );
    opened.set_len(*kept_bytes).and_then(|()| opened.sync_all()).map_err(io)
}
