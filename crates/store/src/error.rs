//! What can go wrong, with the path and what an operator can do about it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::ShardId;

/// A fault of the store; cheap to clone, since one fault may end many commits.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused a file operation.
    #[error("cannot {action} {path}: {source}; check that the path exists and is writable", path = path.display())]
    Io {
        /// What was attempted, an infinitive.
        action: &'static str,
        /// The file or directory concerned.
        path: PathBuf,
        /// The error of the operating system.
        source: Arc<io::Error>,
    },
    /// Stored data does not match its checksum or is missing.
    #[error(
        "data in {path} is damaged: {detail}; nothing was changed: keep a copy of the directory, \
         check the disk, then restore a backup; `sluice store check` names all that is damaged",
        path = path.display()
    )]
    Corrupt {
        /// The damaged file, or the directory it is in.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// The disk has no space left.
    #[error(
        "no space left on the disk of {path}: {detail}; free space or enlarge the disk, then start again if the server has ended",
        path = path.display()
    )]
    Full {
        /// The data directory.
        path: PathBuf,
        /// What was attempted.
        detail: String,
    },
    /// The commit is not known to be durable, and the store takes no more commits.
    #[error(
        "the commit is lost: {cause}; the store stopped, restart the server to recover what is durable"
    )]
    Lost {
        /// The fault that stopped the store.
        cause: Arc<str>,
    },
    /// Another process uses the data directory.
    #[error(
        "{path} is in use by another process; stop that server or choose another data directory",
        path = path.display()
    )]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The data was written by a newer version of Sluice.
    #[error(
        "{path} has data format {found}, this version supports up to {supported}; \
         use a newer version of Sluice; if none was ever used with it, the file is damaged: restore a backup",
        path = path.display()
    )]
    NewerFormat {
        /// The format version found.
        found: u32,
        /// The newest format version that this build reads.
        supported: u32,
        /// The FORMAT file.
        path: PathBuf,
    },
    /// The FORMAT file is empty or unreadable.
    #[error(
        "{path} is damaged: {detail}; restore this file, or all of the data directory, from a backup",
        path = path.display()
    )]
    DamagedFormat {
        /// The FORMAT file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// There is nothing to read.
    #[error(
        "there is no data directory at {path}; name the directory that the server was started with",
        path = path.display()
    )]
    NoData {
        /// The directory that was to be read.
        path: PathBuf,
    },
    /// Something is where a new directory is to be.
    #[error(
        "{path} is not an empty directory; name one that is empty or does not exist, or remove it if it is left over from \
         an interrupted attempt",
        path = path.display()
    )]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },
    /// The directory is a backup, which must stay as it is.
    #[error(
        "{path} is a backup; restore it into a data directory with `sluice store restore` and use that",
        path = path.display()
    )]
    IsBackup {
        /// The directory.
        path: PathBuf,
    },
    /// A backup is incomplete or not as it was written.
    #[error(
        "{path} of the backup is damaged: {detail}; nothing can be restored from it, use another backup",
        path = path.display()
    )]
    DamagedBackup {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// The directory holds files that Sluice did not write.
    #[error(
        "{path} is not empty and is no Sluice data directory (it contains {entry:?}); \
         choose an empty or new directory",
        path = path.display()
    )]
    NotSluice {
        /// The directory that was to be opened.
        path: PathBuf,
        /// One of the foreign entries.
        entry: String,
    },
    /// The shard already has its writer.
    #[error("shard {} already has a writer; drop it before opening the shard again", shard.0)]
    ShardTaken {
        /// The shard that was to be opened.
        shard: ShardId,
    },
    /// The storage engine reported something else.
    #[error("the storage engine failed in {path}: {detail}; see its LOG file there", path = path.display())]
    Engine {
        /// The directory of the engine.
        path: PathBuf,
        /// The engine's own message.
        detail: String,
    },
}

impl StoreError {
    /// Builds an [`StoreError::Io`], or a [`StoreError::Full`] if that is the reason.
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::StorageFull {
            return Self::Full { path: path.to_owned(), detail: format!("cannot {action}") };
        }
        Self::Io { action, path: path.to_owned(), source: Arc::new(source) }
    }

    /// Builds a [`StoreError::Lost`].
    pub(crate) fn lost(cause: impl Into<Arc<str>>) -> Self {
        Self::Lost { cause: cause.into() }
    }
}
