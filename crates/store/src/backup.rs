//! Backups: a directory with the files of a store, and a list of them with sizes and checksums.
//!
//! ```text
//! <backup>/BACKUP   plain text: magic, format version, one line for each file, checksum of these lines
//! <backup>/FORMAT   that of the data directory
//! <backup>/db/      the storage engine's files
//! ```
//!
//! A backup is made under another name, synced, and renamed when it is complete. Files that never change are linked
//! instead of copied where the file system allows it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::StoreError;
use crate::data_dir::{
    BACKUP_FILE, DataDir, ENGINE_DIR, FORMAT_FILE, FORMAT_FILE_UNFINISHED, check_format, hex,
    sync_dir,
};

const MAGIC: &str = "sluice backup";
const BACKUP_VERSION: u32 = 1;
/// A list larger than this was not written by any version.
const LIST_BYTES_MAX: u64 = 64 << 20;
const COPY_BYTES: usize = 1 << 20;

/// What was backed up or restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BackupSize {
    /// Number of files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// A backup that is being made.
#[derive(Debug)]
pub struct UnfinishedBackup {
    target: PathBuf,
    path: PathBuf,
}

/// One line of the list.
#[derive(Debug, PartialEq, Eq)]
struct ListedFile {
    /// Relative to the backup.
    name: String,
    bytes: u64,
    sha256: String,
}

impl UnfinishedBackup {
    /// Starts a backup that becomes `target`, which does not exist yet or is an empty directory.
    ///
    /// # Errors
    /// [`StoreError::NotEmpty`] if there is something, also an unfinished backup for the same target.
    pub fn new(target: &Path) -> Result<Self, StoreError> {
        let target =
            std::path::absolute(target).map_err(|error| StoreError::io("find", target, error))?;
        let unfinished = |name: &std::ffi::OsStr| {
            let mut name = name.to_owned();
            name.push(".unfinished");
            target.with_file_name(name)
        };
        let Some(path) = target.file_name().map(unfinished) else {
            return Err(StoreError::NotEmpty { path: target });
        };
        for path in [&target, &path] {
            refuse_content(path)?;
        }
        Ok(Self { target, path })
    }

    /// Returns where its files go before it is complete. The directory does not exist until something creates it.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the files of a data directory that no server uses.
    ///
    /// # Errors
    /// [`StoreError::Locked`] if a server uses it; what keeps files from being read or written.
    pub fn take_files(&self, data: &Path) -> Result<(), StoreError> {
        let data = DataDir::open_existing(data)?;
        let from = data.engine_path();
        fill(&self.path, |engine| {
            copy_files(&from, engine)?;
            add_format(data.path(), &self.path)
        })
    }

    /// Writes the list, syncs everything, and gives the backup its name. Nothing stays behind when that fails.
    ///
    /// # Errors
    /// What keeps files from being read or written.
    pub fn finish(self) -> Result<BackupSize, StoreError> {
        let finished = self.complete();
        if finished.is_err() {
            remove(&self.path);
        }
        finished
    }

    fn complete(&self) -> Result<BackupSize, StoreError> {
        let engine = self.path.join(ENGINE_DIR);
        let io = |error| StoreError::io("list", &engine, error);
        let mut names = vec![FORMAT_FILE.to_owned()];
        for entry in fs::read_dir(&engine).map_err(io)? {
            let name = entry.map_err(io)?.file_name();
            names.push(format!("{ENGINE_DIR}/{}", name.to_string_lossy()));
        }
        names.sort();
        let mut files = Vec::with_capacity(names.len());
        for name in names {
            let path = self.path.join(&name);
            let (bytes, sha256) = read_through(&path, None)?;
            let synced = File::open(&path).and_then(|file| file.sync_all());
            synced.map_err(|error| StoreError::io("sync", &path, error))?;
            files.push(ListedFile { name, bytes, sha256 });
        }
        let list = self.path.join(BACKUP_FILE);
        let written = write_file(&list, render(&files).as_bytes());
        written.map_err(|error| StoreError::io("write", &list, error))?;
        sync_dir(&engine)?;
        sync_dir(&self.path)?;
        fs::rename(&self.path, &self.target).map_err(|error| {
            StoreError::io("rename the finished backup to", &self.target, error)
        })?;
        sync_dir(self.target.parent().unwrap_or(Path::new("/")))?;
        Ok(size_of(&files))
    }
}

/// Restores a backup into a directory that does not exist or is empty. The backup is read and compared with its list before
/// anything is written, and again while it is copied.
///
/// # Errors
/// [`StoreError::DamagedBackup`], [`StoreError::NotEmpty`], and what keeps files from being read or written.
pub fn restore(backup: &Path, data: &Path) -> Result<BackupSize, StoreError> {
    let files = read_list(&backup.join(BACKUP_FILE))?;
    check_format(&backup.join(FORMAT_FILE))?;
    for file in &files {
        compare(backup, file, None)?;
    }
    let data = DataDir::begin_empty(data)?;
    let engine = data.engine_path();
    DirBuilder::new()
        .mode(0o700)
        .create(&engine)
        .map_err(|error| StoreError::io("create directory", &engine, error))?;
    for file in files.iter().filter(|file| file.name != FORMAT_FILE) {
        compare(backup, file, Some(&data.path().join(&file.name)))?;
    }
    sync_dir(&engine)?;
    // FORMAT comes last: without it the directory is not opened.
    let (unfinished, format) =
        (data.path().join(FORMAT_FILE_UNFINISHED), data.path().join(FORMAT_FILE));
    for file in files.iter().filter(|file| file.name == FORMAT_FILE) {
        compare(backup, file, Some(&unfinished))?;
    }
    fs::rename(&unfinished, &format).map_err(|error| StoreError::io("write", &format, error))?;
    sync_dir(data.path())?;
    Ok(size_of(&files))
}

/// Creates the directory of a backup and lets `put` fill that of the engine in it. Nothing stays behind when that fails, and
/// what somebody else puts there at the same time is left alone.
pub(crate) fn fill(
    path: &Path,
    put: impl FnOnce(&Path) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    create(path)?;
    let engine = path.join(ENGINE_DIR);
    let filled = create(&engine).and_then(|()| put(&engine));
    if filled.is_err() {
        remove(path);
    }
    filled
}

fn create(path: &Path) -> Result<(), StoreError> {
    DirBuilder::new().mode(0o700).create(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => StoreError::NotEmpty { path: path.to_owned() },
        _ => StoreError::io("create directory", path, error),
    })
}

/// What it cannot remove keeps the next backup from starting and is named there.
fn remove(path: &Path) {
    drop(fs::remove_dir_all(path));
}

fn copy_files(from: &Path, to: &Path) -> Result<(), StoreError> {
    let io = |error| StoreError::io("list", from, error);
    for entry in fs::read_dir(from).map_err(io)? {
        let entry = entry.map_err(io)?;
        let name = entry.file_name();
        let text = name.to_string_lossy();
        let (source, copy) = (entry.path(), to.join(&name));
        if text == "LOCK" || text.starts_with("LOG") {
            continue;
        }
        let never_changes = text.ends_with(".sst") || text.ends_with(".blob");
        if never_changes && fs::hard_link(&source, &copy).is_ok() {
            continue;
        }
        fs::copy(&source, &copy).map_err(|error| StoreError::io("copy", &source, error))?;
    }
    Ok(())
}

/// Copies the FORMAT file of a data directory into a backup.
pub(crate) fn add_format(data: &Path, backup: &Path) -> Result<(), StoreError> {
    let from = data.join(FORMAT_FILE);
    fs::copy(&from, backup.join(FORMAT_FILE))
        .map(drop)
        .map_err(|error| StoreError::io("copy", &from, error))
}

fn refuse_content(path: &Path) -> Result<(), StoreError> {
    match fs::read_dir(path).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(StoreError::NotEmpty { path: path.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            Err(StoreError::NotEmpty { path: path.to_owned() })
        }
        Err(error) => Err(StoreError::io("list", path, error)),
    }
}

/// Compares a file with its line, and copies it if it has a target.
fn compare(backup: &Path, listed: &ListedFile, copy: Option<&Path>) -> Result<(), StoreError> {
    let path = backup.join(&listed.name);
    let damaged = |detail: &str| {
        let (path, detail) = (path.clone(), detail.to_owned());
        Err(StoreError::DamagedBackup { path, detail })
    };
    match read_through(&path, copy) {
        Ok((bytes, _)) if bytes != listed.bytes => damaged("its size is not the one it had"),
        Ok((_, sha256)) if sha256 != listed.sha256 => damaged("its content is not the one it had"),
        Ok(_) => Ok(()),
        Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            damaged("it is missing")
        }
        Err(error) => Err(error),
    }
}

/// Reads a file, copies it durably if it has a target, and returns its size and checksum.
fn read_through(path: &Path, copy: Option<&Path>) -> Result<(u64, String), StoreError> {
    let io = |error| StoreError::io("read", path, error);
    let mut input = File::open(path).map_err(io)?;
    let mut output = match copy {
        Some(copy) => {
            Some((copy, new_file(copy).map_err(|error| StoreError::io("create", copy, error))?))
        }
        None => None,
    };
    let mut buffer = vec![0; COPY_BYTES];
    let mut hash = Sha256::new();
    let mut bytes = 0;
    loop {
        let count = input.read(&mut buffer).map_err(io)?;
        let chunk = &buffer[..count];
        if chunk.is_empty() {
            break;
        }
        hash.update(chunk);
        bytes += count as u64;
        if let Some((copy, output)) = &mut output {
            output.write_all(chunk).map_err(|error| StoreError::io("write", copy, error))?;
        }
    }
    if let Some((copy, output)) = &output {
        output.sync_all().map_err(|error| StoreError::io("sync", copy, error))?;
    }
    Ok((bytes, hex(&hash.finalize())))
}

fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)
}

fn write_file(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = new_file(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn size_of(files: &[ListedFile]) -> BackupSize {
    BackupSize { files: files.len() as u64, bytes: files.iter().map(|file| file.bytes).sum() }
}

fn render(files: &[ListedFile]) -> String {
    let mut text =
        format!("{MAGIC}\nformat={BACKUP_VERSION}\ncreated_by={}\n", env!("CARGO_PKG_VERSION"));
    for ListedFile { name, bytes, sha256 } in files {
        text.push_str(&format!("file {bytes} {sha256} {name}\n"));
    }
    let sha256 = hex(&Sha256::digest(&text));
    text.push_str(&format!("sha256={sha256}\n"));
    text
}

fn read_list(path: &Path) -> Result<Vec<ListedFile>, StoreError> {
    let damaged = |detail: &str| {
        let (path, detail) = (path.to_owned(), detail.to_owned());
        StoreError::DamagedBackup { path, detail }
    };
    let io = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => damaged("it is missing, so this is no complete backup"),
        _ => StoreError::io("read", path, error),
    };
    if fs::metadata(path).map_err(io)?.len() > LIST_BYTES_MAX {
        return Err(damaged("it is too large"));
    }
    let content = fs::read(path).map_err(io)?;
    let text = str::from_utf8(&content).map_err(|_| damaged("it is not text"))?;
    let files = parse(text).map_err(damaged)?;
    if files.iter().filter(|file| file.name == FORMAT_FILE).count() != 1 {
        return Err(damaged("it does not name the FORMAT file"));
    }
    Ok(files)
}

fn parse(text: &str) -> Result<Vec<ListedFile>, &'static str> {
    let cut = text.rfind("sha256=").ok_or("it is cut off")?;
    let (lines, checksum) = text.split_at(cut);
    if checksum != format!("sha256={}\n", hex(&Sha256::digest(lines))) {
        return Err("it does not match its checksum");
    }
    let mut lines = lines.lines();
    if lines.next() != Some(MAGIC) {
        return Err("it does not begin with the words \"sluice backup\"");
    }
    let version = lines.next().and_then(|line| line.strip_prefix("format="));
    if version.and_then(|version| version.parse().ok()) != Some(BACKUP_VERSION) {
        return Err("it is from a newer version of Sluice");
    }
    lines
        .filter_map(|line| line.strip_prefix("file "))
        .map(|line| listed_file(line).ok_or("a line is damaged"))
        .collect()
}

fn listed_file(line: &str) -> Option<ListedFile> {
    let mut fields = line.splitn(3, ' ');
    let bytes = fields.next()?.parse().ok()?;
    let sha256 = fields.next()?.to_owned();
    let name = fields.next()?.to_owned();
    let in_engine = name.strip_prefix(ENGINE_DIR).and_then(|name| name.strip_prefix('/'));
    let is_ours = name == FORMAT_FILE
        || in_engine.is_some_and(|name| !name.is_empty() && !name.contains('/') && name != "..");
    is_ours.then_some(ListedFile { name, bytes, sha256 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_reads_back_as_written_and_only_so() {
        let file = |name: &str| ListedFile {
            name: name.to_owned(),
            bytes: 12,
            sha256: hex(&Sha256::digest(name)),
        };
        let files = vec![file("FORMAT"), file("db/000004.log")];
        let text = render(&files);
        assert_eq!(parse(&text), Ok(files));
        for cut in 0..text.len() {
            assert!(parse(&text[..cut]).is_err(), "{cut}");
        }
        assert!(parse(&text.replace("12", "13")).is_err());
    }

    #[test]
    fn no_line_leads_out_of_the_directory() {
        for name in ["db/../../etc/passwd", "/etc/passwd", "db/", "db/..", "other", ""] {
            assert_eq!(listed_file(&format!("1 00 {name}")), None, "{name}");
        }
    }
}
