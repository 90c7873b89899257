//! How the space of deleted files is given back: a piece at a time.
//!
//! A file system can tell the disk of every block that becomes free (ext4's mount option `discard`, the default of many
//! cloud images), and does so within the deletion. For one log of 40 MB that takes 15 ms, in which no sync gets through.
//! A file that is open stays after its name is gone. So the files of RocksDB are kept open here, too; when one has been
//! deleted it is cut shorter until nothing is left.
//!
//! Nothing depends on it: a file that is not kept open, or was not seen between its beginning and its end, goes at once.

use std::collections::{HashMap, HashSet, VecDeque};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::background::Background;
use crate::data_dir::sync_dir;
use crate::disk_space::DiskSpace;
use crate::{SpaceLeft, StoreError};

/// Between two looks at the directory.
const PAUSE: Duration = Duration::from_millis(100);
/// Cut off at once, bytes.
const PIECE_BYTES: u64 = 1 << 20;
/// After a cut the disk is left alone for so many times as long as that took.
const REST: u32 = 4;
/// More than this does not wait to be cut, bytes.
const WAITING_BYTES_MAX: u64 = 1 << 30;
/// As many files are kept open.
const FILES_MAX: usize = 512;
/// Ends of the names of files that grow large.
const LARGE_FILES: [&str; 3] = ["log", "sst", "blob"];

/// Starts the thread that keeps files of `directory` open, and cuts them when they are deleted.
pub(super) fn start(directory: PathBuf, space: Arc<DiskSpace>) -> Result<Background, StoreError> {
    let mut files = DeletedFiles::new(directory.clone());
    Background::start("deletions", &directory, PAUSE, move || {
        files.look();
        if space.left() == SpaceLeft::Low {
            files.deleted.clear();
        }
        Some(files.cut().map_or(PAUSE, |took| took * REST))
    })
}

/// The files of a directory, by what is known of them.
struct DeletedFiles {
    directory: PathBuf,
    /// When the directory was last changed, as of the last two looks.
    changed: [Option<SystemTime>; 2],
    /// By name.
    open: HashMap<OsString, File>,
    /// Deleted for good, the next to be cut first.
    deleted: VecDeque<File>,
}

impl DeletedFiles {
    fn new(directory: PathBuf) -> Self {
        Self { directory, changed: [None; 2], open: HashMap::new(), deleted: VecDeque::new() }
    }

    /// Opens what is new and finds out what is deleted, if the directory was changed.
    fn look(&mut self) {
        let changed = fs::metadata(&self.directory).and_then(|status| status.modified()).ok();
        // Once more after a change: another one may have followed within what the file system takes for one moment.
        if self.changed == [changed; 2] {
            return;
        }
        self.changed = [changed, self.changed[0]];
        match names(&self.directory) {
            Ok(names) => self.compare(&names),
            // What was open goes at once then.
            Err(_) => self.open.clear(),
        }
    }

    fn compare(&mut self, names: &HashSet<OsString>) {
        let gone = self.open.extract_if(|name, _| !names.contains(name)).map(|(_, file)| file);
        // A file with another name is a backup's.
        let is_deleted = |file: &File| file.metadata().is_ok_and(|status| status.nlink() == 0);
        let deleted: Vec<File> = gone.filter(is_deleted).collect();
        // The name is gone durably before anything of the file is: after a power cut there is all of it or nothing.
        if !deleted.is_empty() && sync_dir(&self.directory).is_ok() {
            self.deleted.extend(deleted);
            self.bound();
        }
        for name in names {
            if self.open.len() < FILES_MAX
                && !self.open.contains_key(name)
                && let Ok(file) = OpenOptions::new().write(true).open(self.directory.join(name))
            {
                self.open.insert(name.clone(), file);
            }
        }
    }

    /// Lets go at once of more than may wait.
    fn bound(&mut self) {
        let bytes = |file: &File| file.metadata().map_or(0, |status| status.len());
        let mut waiting: u64 = self.deleted.iter().map(bytes).sum();
        while waiting > WAITING_BYTES_MAX
            && let Some(file) = self.deleted.pop_front()
        {
            waiting -= bytes(&file);
        }
    }

    /// Cuts a piece off the next deleted file. Says how long that took; `None` if there is nothing to cut.
    #[expect(
        clippy::disallowed_methods,
        reason = "the rest is a share of the time that the disk needs"
    )]
    fn cut(&mut self) -> Option<Duration> {
        let file = self.deleted.front()?;
        let started = Instant::now();
        let bytes = file.metadata().map_or(0, |status| status.len());
        if bytes <= PIECE_BYTES || file.set_len(bytes - PIECE_BYTES).is_err() {
            self.deleted.pop_front();
        }
        Some(started.elapsed())
    }
}

/// Names of files that can be large.
fn names(directory: &Path) -> io::Result<HashSet<OsString>> {
    let is_large = |name: &OsString| {
        let end = Path::new(name).extension().and_then(|end| end.to_str());
        end.is_some_and(|end| LARGE_FILES.contains(&end))
    };
    let names = fs::read_dir(directory)?.map(|entry| entry.map(|entry| entry.file_name()));
    names.filter(|name| name.as_ref().map_or(true, is_large)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

    use super::*;

    const BYTES: u64 = 5 * PIECE_BYTES / 2;

    /// Makes a file, and returns it open for reading.
    fn made(directory: &Path, name: &str) -> File {
        let path = directory.join(name);
        File::create(&path).unwrap().set_len(BYTES).unwrap();
        File::open(path).unwrap()
    }

    fn length(file: &File) -> u64 {
        file.metadata().unwrap().len()
    }

    #[test]
    fn a_deleted_file_gets_shorter_piece_by_piece() {
        let directory = tempfile::tempdir().unwrap();
        let (log, other) = (made(directory.path(), "1.log"), made(directory.path(), "2.sst"));
        let mut files = DeletedFiles::new(directory.path().to_owned());
        files.look();
        fs::remove_file(directory.path().join("1.log")).unwrap();
        files.look();
        assert!(files.cut().is_some());
        assert_eq!(length(&log), BYTES - PIECE_BYTES);
        assert!(files.cut().is_some());
        assert_eq!(length(&log), BYTES - 2 * PIECE_BYTES);
        assert!(files.cut().is_some(), "the rest goes with the descriptor");
        assert!(files.cut().is_none());
        assert_eq!(length(&other), BYTES, "it has its name");
        assert_eq!(files.open.len(), 1);
    }

    #[test]
    fn a_file_with_another_name_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let table = made(directory.path(), "1.sst");
        let mut files = DeletedFiles::new(directory.path().to_owned());
        files.look();
        fs::hard_link(directory.path().join("1.sst"), directory.path().join("backup")).unwrap();
        fs::remove_file(directory.path().join("1.sst")).unwrap();
        files.look();
        assert!(files.cut().is_none());
        assert_eq!(length(&table), BYTES);
        assert!(files.open.is_empty());
    }

    #[test]
    fn other_files_are_not_opened_and_no_more_than_the_bound() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["MANIFEST-000001", "CURRENT", "LOCK", "LOG", "3.dbtmp"] {
            made(directory.path(), name);
        }
        let mut files = DeletedFiles::new(directory.path().to_owned());
        files.look();
        assert!(files.open.is_empty());
        for number in 0..=FILES_MAX {
            made(directory.path(), &format!("{number}.blob"));
        }
        files.look();
        assert_eq!(files.open.len(), FILES_MAX);
    }

    #[test]
    fn more_than_may_wait_goes_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let mut files = DeletedFiles::new(directory.path().to_owned());
        for number in 0..3 {
            let name = directory.path().join(format!("{number}.log"));
            // Sparse: it takes no space.
            File::create(&name).unwrap().set_len(WAITING_BYTES_MAX / 2).unwrap();
            files.look();
            fs::remove_file(name).unwrap();
        }
        files.look();
        assert_eq!(files.deleted.len(), 2);
    }
}
