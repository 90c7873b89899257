//! Files that hold secrets.

use std::fs::Metadata;
use std::os::unix::fs::PermissionsExt;

/// What others than the owner may not do with a file, nor its group but read it: orchestrators give a secret to a container by
/// way of a group.
pub(crate) const NOT_BUT_BY_GROUP: u32 = 0o037;

/// Refuses a file whose mode has any of these bits.
pub(crate) fn refuse_open(metadata: &Metadata, mode_forbidden: u32) -> Result<(), String> {
    let mode = metadata.permissions().mode() & 0o777;
    if mode & mode_forbidden == 0 {
        return Ok(());
    }
    Err(format!("others than its owner can use it (mode {mode:03o}); `chmod 600` keeps them out"))
}
