//! Cutting off what a crash left half written at the end of a file.

use std::fs::OpenOptions;
use std::path::Path;

use crate::StoreError;

/// Shortens a file to `kept` bytes, durably; one that is not longer is left alone.
pub(super) fn cut(file: &Path, kept: u64) -> Result<(), StoreError> {
    let io = |error| StoreError::io("cut the torn tail of", file, error);
    let opened = OpenOptions::new().write(true).open(file).map_err(io)?;
    let bytes = opened.metadata().map_err(io)?.len();
    if bytes <= kept {
        return Ok(());
    }
    tracing::warn!(
        file = %file.display(), offset = kept, dropped_bytes = bytes - kept,
        "cutting a torn tail: usually a write that the crash interrupted and nobody was told of; if the disk is damaged, acknowledged data may be lost"
    );
    opened.set_len(kept).and_then(|()| opened.sync_all()).map_err(io)
}
