//! What can be done with a data directory besides serving it: check it, measure it, back it up and restore it.

use std::fmt::Display;
use std::io;
use std::path::Path;

use rustix::io::Errno;
use sluice_store::{FileSizes, OfflineStore, UnfinishedBackup};

use crate::broker::{self, QueueSizes, check_rows};
use crate::control;
use crate::{encryption, identities, keys};

pub use crate::broker::{Checked, Finding, Severity, TableSize};
pub use sluice_store::{BackupSize, FileSize, StoreError, restore};

/// Sizes of a data directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sizes {
    /// Of the files.
    pub files: FileSizes,
    /// Of what the queues hold.
    pub queues: Vec<QueueSizes>,
}

/// Checks a data directory without changing anything in it: files, logs, rows, and what must hold between rows.
///
/// # Errors
/// What keeps the check from being done: the directory is in use, is none of ours, or it or a file in it cannot be read.
pub fn check(path: &Path, found: &mut dyn FnMut(Finding)) -> Result<Checked, StoreError> {
    let store = match OfflineStore::open(path) {
        Ok(store) => store,
        Err(error) if is_damage(&error) => {
            found(damage(path, &error));
            return Ok(Checked { damages: 1, ..Checked::default() });
        }
        Err(error) => return Err(error),
    };
    if let Some((log, offset)) = store.torn_tail() {
        let what = format!(
            "it ends in a write that a crash interrupted, at byte {offset}; the next start cuts it off"
        );
        found(Finding { severity: Severity::Note, place: log.display().to_string(), what });
    }
    let (mut damages, mut obstacle) = (0, None);
    let mut unreadable = |error: StoreError| {
        if is_damage(&error) {
            damages += 1;
            found(damage(path, &error));
        } else {
            obstacle.get_or_insert(error);
        }
    };
    if let Err(error) = store.check_files(&mut unreadable) {
        unreadable(error);
    }
    if let Some(error) = obstacle {
        return Err(error);
    }
    let checked = check_rows(&store, found);
    let mut damage = |place: &str, what: &dyn Display| {
        damages += 1;
        let (place, what) = (place.to_owned(), what.to_string());
        found(Finding { severity: Severity::Damage, place, what });
    };
    let identities = store.reader(identities::SHARD);
    identities::check(&*identities, &mut |what| damage("identities", what));
    let server_key = store.reader(encryption::SHARD);
    encryption::check(&*server_key, &mut |what| damage("keys", what));
    let kms_keys = store.reader(keys::SHARD);
    keys::check(&*kms_keys, &mut |what| damage("KMS keys", what));
    Ok(Checked { damages: damages + checked.damages, ..checked })
}

/// Measures a data directory. Reads every row and every body in it.
///
/// # Errors
/// What keeps it from being read; damage as well.
pub fn sizes(path: &Path) -> Result<Sizes, StoreError> {
    let store = OfflineStore::open(path)?;
    Ok(Sizes { files: store.file_sizes()?, queues: broker::queue_sizes(&store, path)? })
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The files cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server that uses the directory did not help.
    #[error("{0}")]
    Server(String),
}

/// Backs a data directory up. If a server uses it, that is asked for its files, and goes on serving.
///
/// # Errors
/// [`BackupError`]; then there is nothing at `target` that was not there before.
pub fn back_up(data: &Path, target: &Path) -> Result<BackupSize, BackupError> {
    let backup = UnfinishedBackup::new(target)?;
    match backup.take_files(data) {
        Err(StoreError::Locked { .. }) => {
            control::ask_for_files(data, backup.path()).map_err(BackupError::Server)?;
        }
        taken => taken?,
    }
    Ok(backup.finish()?)
}

/// Whether an error is about what is stored, and not about the way to it. RocksDB's own reports of damage come as
/// [`StoreError::Corrupt`]; what the disk itself cannot read any more is damaged as well.
fn is_damage(error: &StoreError) -> bool {
    let unreadable = io::Error::from(Errno::IO);
    match error {
        StoreError::Corrupt { .. } | StoreError::DamagedFormat { .. } => true,
        StoreError::Io { source, .. } => source.raw_os_error() == unreadable.raw_os_error(),
        StoreError::Engine { detail, .. } => detail.contains("Input/output error"),
        _other => false,
    }
}

/// An error as a finding, in the file that it names.
fn damage(data: &Path, error: &StoreError) -> Finding {
    let place = match error {
        StoreError::Corrupt { path, .. }
        | StoreError::DamagedFormat { path, .. }
        | StoreError::Engine { path, .. }
        | StoreError::Io { path, .. } => path,
        _ => data,
    };
    let (place, what) = (place.display().to_string(), error.to_string());
    Finding { severity: Severity::Damage, place, what }
}
