//! What can be done with a data directory besides serving it: check it, measure it, back it up and restore it.

use std::path::Path;

use sluice_store::{FileSizes, OfflineStore, UnfinishedBackup};

use crate::broker::{self, QueueSizes, check_rows};
use crate::control;

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
/// What keeps the check from being done: the directory is in use, is none of ours, or cannot be read.
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
    let mut damages = 0;
    let mut damaged = |error: &StoreError| {
        damages += 1;
        found(damage(path, error));
    };
    if let Err(error) = store.check_files(&mut |error| damaged(&error)) {
        damaged(&error);
    }
    let checked = check_rows(&store, found);
    Ok(Checked { damages: damages + checked.damages, ..checked })
}

/// Measures a data directory. Reads every row and every body in it.
///
/// # Errors
/// What keeps it from being read; damage as well.
pub fn sizes(path: &Path) -> Result<Sizes, StoreError> {
    let store = OfflineStore::open(path)?;
    Ok(Sizes { files: store.file_sizes()?, queues: broker::queue_sizes(&store)? })
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

/// Whether an error is about what is stored, and not about the way to it.
fn is_damage(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Corrupt { .. } | StoreError::DamagedFormat { .. } | StoreError::Engine { .. }
    )
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
