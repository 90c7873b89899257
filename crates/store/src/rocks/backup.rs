//! Backups of a store that serves.

use std::path::Path;
use std::sync::Arc;

use rocksdb::checkpoint::Checkpoint;

use super::database::Database;
use crate::StoreError;
use crate::backup::{add_format, fill};

/// Takes the files of an open store. Like a reader, it keeps the data directory locked.
#[derive(Clone)]
pub struct LiveBackup(pub(super) Arc<Database>);

impl LiveBackup {
    /// Puts the files of the store, as of a moment after this call, into a new directory, to be finished by
    /// [`crate::UnfinishedBackup::finish`]. Every commit whose ticket was durable before is in it.
    ///
    /// # Errors
    /// [`StoreError::Lost`] if the store failed; what keeps files from being written.
    pub fn take_files(&self, target: &Path) -> Result<(), StoreError> {
        if let Some(refusal) = self.0.refusal() {
            return Err(refusal);
        }
        fill(target, |engine| {
            // RocksDB makes this directory itself.
            std::fs::remove_dir(engine)
                .map_err(|error| StoreError::io("make room for", engine, error))?;
            Checkpoint::new(self.0.db())
                .and_then(|checkpoint| checkpoint.create_checkpoint(engine))
                .map_err(|error| self.0.error(error))?;
            add_format(self.0.path(), target)
        })
    }
}
