//! The data directory: its FORMAT file, its lock, and the refusal to touch what is not ours.
//!
//! ```text
//! <data>/FORMAT   plain text: magic, format version, version that created the directory
//! <data>/LOCK     flock held as long as the store is open
//! <data>/CLOSED   after an orderly stop: files that end where they ended then, or later
//! <data>/db/      the storage engine's files
//! ```
//!
//! FORMAT is written last and by rename, so a crash while a directory is being created leaves one that
//! counts as empty, never one that is half valid.
//!
//! A log that lost its end, or whose last record is damaged, looks like a torn write after a crash. CLOSED tells that there
//! was no crash. It is removed before the files it names change, and one that is damaged itself counts as none.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use sha2::{Digest, Sha256};

use crate::StoreError;

/// The format version that this build writes, and the newest that it reads.
const FORMAT_VERSION: u32 = 1;

const MAGIC: &str = "sluice data directory";
pub(crate) const FORMAT_FILE: &str = "FORMAT";
pub(crate) const FORMAT_FILE_UNFINISHED: &str = "FORMAT.new";
/// The list of files in a backup.
pub(crate) const BACKUP_FILE: &str = "BACKUP";
const LOCK_FILE: &str = "LOCK";
pub(crate) const ENGINE_DIR: &str = "db";

const CLOSED_FILE: &str = "CLOSED";
const CLOSED_FILE_UNFINISHED: &str = "CLOSED.new";
const CLOSED_MAGIC: &str = "sluice closed";

/// A FORMAT file larger than this was not written by any version.
const FORMAT_BYTES_MAX: u64 = 4_096;

/// Entries that an otherwise empty directory may have; `lost+found` is at the root of a file system.
const ENTRIES_OF_EMPTY: &[&str] = &[LOCK_FILE, FORMAT_FILE_UNFINISHED, "lost+found"];

/// An open, locked data directory of a known format.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    /// Held for its flock, which the operating system releases with the descriptor. One that is only read may have none.
    _lock: Option<File>,
    closed: Option<Closed>,
}

/// What CLOSED says: files by name, and how many bytes they had.
type Closed = Vec<(String, u64)>;

impl DataDir {
    /// Opens the directory, creating it if it does not exist or is empty.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        create_dir(path)?;
        if exists(&path.join(BACKUP_FILE))? {
            return Err(StoreError::IsBackup { path: path.to_owned() });
        }
        refuse_foreign(path)?;
        let lock = lock(path)?;
        let closed = read_closed(path);
        let data_dir = Self { path: path.to_owned(), _lock: Some(lock), closed };
        // Asked again under the lock: another process may have finished creating it meanwhile.
        let format = path.join(FORMAT_FILE);
        if exists(&format)? {
            check_format(&format)?;
        } else {
            data_dir.write_file(FORMAT_FILE_UNFINISHED, FORMAT_FILE, &format_text())?;
        }
        data_dir.check_closed()?;
        Ok(data_dir)
    }

    /// Opens a directory that exists, to read it: nothing in it is changed, and no server may use it meanwhile.
    pub(crate) fn open_existing(path: &Path) -> Result<Self, StoreError> {
        let format = path.join(FORMAT_FILE);
        if !exists(&format)? {
            if exists(path)? {
                refuse_foreign(path)?;
            }
            return Err(StoreError::NoData { path: path.to_owned() });
        }
        let lock = path.join(LOCK_FILE);
        let lock =
            if exists(&lock)? { Some(flock(&lock, OpenOptions::new().read(true))?) } else { None };
        check_format(&format)?;
        let data_dir = Self { path: path.to_owned(), _lock: lock, closed: read_closed(path) };
        data_dir.check_closed()?;
        Ok(data_dir)
    }

    /// Locks a directory that has nothing in it yet, creating it if it does not exist, so that files can be put there.
    /// Without a FORMAT file it stays one that is not opened.
    pub(crate) fn begin_empty(path: &Path) -> Result<Self, StoreError> {
        create_dir(path)?;
        let lock = lock(path)?;
        let io = |error| StoreError::io("list", path, error);
        for entry in fs::read_dir(path).map_err(io)? {
            let name = entry.map_err(io)?.file_name();
            if name == FORMAT_FILE_UNFINISHED
                || !ENTRIES_OF_EMPTY.iter().any(|known| name == *known)
            {
                return Err(StoreError::NotEmpty { path: path.to_owned() });
            }
        }
        Ok(Self { path: path.to_owned(), _lock: Some(lock), closed: None })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Ends an orderly use: notes files of the engine, given by name, that must not be shorter when it is opened again.
    pub(crate) fn close(&self, names: &[String]) -> Result<(), StoreError> {
        let mut text = format!("{CLOSED_MAGIC}\n");
        for name in names {
            let path = self.engine_path().join(name);
            let size =
                fs::metadata(&path).map_err(|error| StoreError::io("look at", &path, error))?;
            text.push_str(&format!("{} {name}\n", size.len()));
        }
        text.push_str(&format!("sha256={}\n", hex(&Sha256::digest(&text))));
        self.write_file(CLOSED_FILE_UNFINISHED, CLOSED_FILE, &text)
    }

    /// Refuses files that are shorter than they were when they were closed.
    fn check_closed(&self) -> Result<(), StoreError> {
        for (name, bytes) in self.closed.iter().flatten() {
            let path = self.engine_path().join(name);
            let found = fs::metadata(&path).map_or(0, |metadata| metadata.len());
            if found < *bytes {
                let detail =
                    format!("it has {found} bytes and had {bytes} when the server stopped");
                return Err(StoreError::Corrupt { path, detail });
            }
        }
        Ok(())
    }

    /// Refuses a file of the engine that is unreadable from `offset` on, if it was whole there after an orderly stop.
    pub(crate) fn refuse_torn(&self, file: &Path, offset: u64) -> Result<(), StoreError> {
        let Some(closed) = &self.closed else { return Ok(()) };
        let name = file.file_name().unwrap_or_default();
        // All that it does not name was whole, too.
        let bytes =
            closed.iter().find(|(noted, _)| name == noted.as_str()).map(|(_, bytes)| *bytes);
        if bytes.is_some_and(|bytes| offset >= bytes) {
            return Ok(());
        }
        let detail =
            format!("it is unreadable at byte {offset} and was not when the server stopped");
        Err(StoreError::Corrupt { path: file.to_owned(), detail })
    }

    /// Removes CLOSED, before the files of the engine change.
    pub(crate) fn forget_closed(&self) -> Result<(), StoreError> {
        let path = self.path.join(CLOSED_FILE);
        match fs::remove_file(&path) {
            Ok(()) => sync_dir(&self.path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(StoreError::io("remove", &path, error)),
        }
    }

    /// Writes a file so that a crash leaves all of it or none.
    fn write_file(&self, unfinished: &str, name: &str, text: &str) -> Result<(), StoreError> {
        let (unfinished, path) = (self.path.join(unfinished), self.path.join(name));
        let write = || -> io::Result<()> {
            let mut file = OpenOptions::new()
                .create(true)
                .truncate(true)
                .write(true)
                .mode(0o600)
                .open(&unfinished)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&unfinished, &path)
        };
        write().map_err(|error| StoreError::io("write", &path, error))?;
        sync_dir(&self.path)
    }

    /// Returns where the storage engine keeps its files.
    pub(crate) fn engine_path(&self) -> PathBuf {
        self.path.join(ENGINE_DIR)
    }
}

/// Makes the entries of a directory durable.
pub(crate) fn sync_dir(path: &Path) -> Result<(), StoreError> {
    File::open(path)
        .and_then(|dir| dir.sync_all())
        .map_err(|error| StoreError::io("sync directory", path, error))
}

fn create_dir(path: &Path) -> Result<(), StoreError> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| StoreError::io("create directory", path, error))?;
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_dir(parent),
        Some(_) | None => sync_dir(Path::new(".")),
    }
}

fn refuse_foreign(path: &Path) -> Result<(), StoreError> {
    if exists(&path.join(FORMAT_FILE))? {
        return Ok(());
    }
    if exists(&path.join(ENGINE_DIR))? {
        let detail = "it is missing although the directory holds data".to_owned();
        return Err(StoreError::DamagedFormat { path: path.join(FORMAT_FILE), detail });
    }
    let io = |error| StoreError::io("list", path, error);
    for entry in fs::read_dir(path).map_err(io)? {
        let name = entry.map_err(io)?.file_name();
        // FORMAT may have appeared since: then another process just created the directory.
        if name != FORMAT_FILE && !ENTRIES_OF_EMPTY.iter().any(|known| name == *known) {
            let entry = name.to_string_lossy().into_owned();
            return Err(StoreError::NotSluice { path: path.to_owned(), entry });
        }
    }
    Ok(())
}

fn lock(path: &Path) -> Result<File, StoreError> {
    flock(
        &path.join(LOCK_FILE),
        OpenOptions::new().create(true).truncate(false).write(true).mode(0o600),
    )
}

fn flock(path: &Path, options: &OpenOptions) -> Result<File, StoreError> {
    let file = options.open(path).map_err(|error| StoreError::io("open", path, error))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(StoreError::Locked { path: path.to_owned() }),
        Err(error) => Err(StoreError::io("lock", path, error.into())),
    }
}

fn format_text() -> String {
    format!("{MAGIC}\nformat={FORMAT_VERSION}\ncreated_by={}\n", env!("CARGO_PKG_VERSION"))
}

/// Returns what CLOSED says, if there is one that can be read.
fn read_closed(path: &Path) -> Option<Closed> {
    parse_closed(&fs::read_to_string(path.join(CLOSED_FILE)).ok()?)
}

/// Returns what a CLOSED file says; `None` if it is not as it was written.
fn parse_closed(text: &str) -> Option<Closed> {
    let (lines, checksum) = text.split_at(text.rfind("sha256=")?);
    if checksum != format!("sha256={}\n", hex(&Sha256::digest(lines))) {
        return None;
    }
    let lines = lines.strip_prefix(CLOSED_MAGIC)?.lines().filter(|line| !line.is_empty());
    let entry = |line: &str| {
        let (bytes, name) = line.split_once(' ')?;
        Some((name.to_owned(), bytes.parse().ok()?))
    };
    lines.map(entry).collect()
}

/// Returns bytes as text.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Refuses a FORMAT file that is damaged or of a newer version.
pub(crate) fn check_format(path: &Path) -> Result<(), StoreError> {
    let damaged = |detail: &str| StoreError::DamagedFormat {
        path: path.to_owned(),
        detail: detail.to_owned(),
    };
    let io = |error| StoreError::io("read", path, error);
    if fs::metadata(path).map_err(io)?.len() > FORMAT_BYTES_MAX {
        return Err(damaged("it is too large"));
    }
    let content = fs::read(path).map_err(io)?;
    let text = str::from_utf8(&content).map_err(|_| damaged("it is not text"))?;
    let found = parse_format(text).map_err(damaged)?;
    if found > FORMAT_VERSION {
        let supported = FORMAT_VERSION;
        return Err(StoreError::NewerFormat { found, supported, path: path.to_owned() });
    }
    Ok(())
}

/// Returns the format version; further lines are for people and for later versions.
fn parse_format(text: &str) -> Result<u32, &'static str> {
    if text.is_empty() {
        return Err("it is empty");
    }
    let mut lines = text.lines();
    if lines.next() != Some(MAGIC) {
        return Err("it does not begin with the words \"sluice data directory\"");
    }
    let version = lines.next().and_then(|line| line.strip_prefix("format="));
    match version.and_then(|version| version.parse().ok()) {
        None | Some(0) => Err("its second line is not format=<number>"),
        Some(version) => Ok(version),
    }
}

fn exists(path: &Path) -> Result<bool, StoreError> {
    path.try_exists().map_err(|error| StoreError::io("look at", path, error))
}

#[cfg(test)]
mod tests {
    use super::{CLOSED_MAGIC, Digest, Sha256, hex, parse_closed, parse_format};

    #[test]
    fn a_damaged_note_of_an_orderly_stop_counts_as_none() {
        let mut text = format!("{CLOSED_MAGIC}\n12 MANIFEST-000001\n0 000004.log\n");
        text.push_str(&format!("sha256={}\n", hex(&Sha256::digest(&text))));
        assert_eq!(
            parse_closed(&text),
            Some(vec![("MANIFEST-000001".to_owned(), 12), ("000004.log".to_owned(), 0)])
        );
        for cut in 0..text.len() {
            assert_eq!(parse_closed(&text[..cut]), None, "{cut}");
        }
        assert_eq!(parse_closed(&text.replace("12", "13")), None);
    }

    #[test]
    fn only_a_complete_format_is_accepted() {
        assert_eq!(parse_format("sluice data directory\nformat=1\ncreated_by=0.1.0\n"), Ok(1));
        assert_eq!(parse_format("sluice data directory\nformat=7\nlater=x\n"), Ok(7));
        for damaged in [
            "",
            "\n",
            "format=1\n",
            "sluice data directory\n",
            "sluice data directory\nformat=\n",
            "sluice data directory\nformat=0\n",
            "sluice data directory\nformat=-1\n",
            "sluice data directory\nformat=99999999999\n",
            "sluice data direc",
        ] {
            assert!(parse_format(damaged).is_err(), "{damaged:?}");
        }
    }
}
