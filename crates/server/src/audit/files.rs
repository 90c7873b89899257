//! The file that is being written.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufReader, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::chain;
use super::digest::Digest;
use super::layout::{self, Form};
use super::place::Place;

const LOCK_FILE: &str = "LOCK";
/// In place of `jsonl`: what did not belong to the chain when a server started.
const CUT_EXTENSION: &str = "cut";

/// An audit directory, as its one writer has it.
#[derive(Debug)]
pub(super) struct Files {
    directory: PathBuf,
    /// Held as long as this lives.
    _lock: File,
    /// Number of the file after the one that is being written.
    next_number: u64,
    /// Hash of the last line, wherever it is.
    last_hash: String,
    current: Option<Current>,
}

#[derive(Debug)]
struct Current {
    file: File,
    number: u64,
    bytes: u64,
    /// Up to where it is on stable storage.
    durable: Durable,
    /// Whether there may be something behind the durable part that does not belong there.
    is_torn: bool,
    /// Whether its name is on stable storage.
    is_named: bool,
}

#[derive(Debug, Clone)]
struct Durable {
    bytes: u64,
    last_hash: String,
}

/// What was found when a directory was opened.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) files: Files,
    /// Files that have yet to be finished, in order.
    pub(super) unfinished: Vec<u64>,
    /// Bytes that were cut from the end of the last file: a crash left them behind.
    pub(super) bytes_cut: u64,
}

impl Files {
    /// Opens a directory, new or not. What a crash left of a line is cut off.
    pub(super) fn open(directory: &Path) -> io::Result<Opened> {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(directory.join(LOCK_FILE))?;
        lock.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => io::Error::other("another server writes there"),
            fs::TryLockError::Error(error) => error,
        })?;
        let found = layout::list(directory)?;
        let plain =
            |(number, forms): (&u64, &Vec<Form>)| forms.contains(&Form::Plain).then_some(*number);
        let mut unfinished: Vec<u64> = found.iter().filter_map(plain).collect();
        let last = match found.last_key_value() {
            None => Last { number: 0, hash: chain::BEGINNING.to_owned(), bytes_cut: 0 },
            Some((number, forms)) if forms.contains(&Form::Plain) => mend(directory, *number)?,
            Some((number, _)) => {
                let hash = last_hash(directory, *number)?;
                Last { number: *number, hash, bytes_cut: 0 }
            }
        };
        unfinished.retain(|number| *number <= last.number);
        let files = Self {
            directory: directory.to_owned(),
            _lock: lock,
            next_number: last.number + 1,
            last_hash: last.hash,
            current: None,
        };
        Ok(Opened { files, unfinished, bytes_cut: last.bytes_cut })
    }

    /// Appends records; they are not durable yet. When that fails, the file goes on behind the last durable one.
    pub(super) fn append(&mut self, records: &[Vec<u8>]) -> io::Result<()> {
        let current = match &mut self.current {
            Some(current) => current,
            none => {
                none.insert(Current::create(&self.directory, self.next_number, &self.last_hash)?)
            }
        };
        let (mut lines, mut last_hash) = (Vec::new(), self.last_hash.clone());
        for record in records {
            let (line, hash) = chain::line(record, &last_hash);
            lines.extend_from_slice(&line);
            last_hash = hash;
        }
        if let Err(error) = current.write(&lines) {
            self.rewind();
            return Err(error);
        }
        self.last_hash = last_hash;
        Ok(())
    }

    /// Makes everything durable that was appended. When that fails, all that was not so before is gone.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        let Some(current) = &mut self.current else { return Ok(()) };
        if let Err(error) = current.sync(&self.directory) {
            self.rewind();
            return Err(error);
        }
        current.durable = Durable { bytes: current.bytes, last_hash: self.last_hash.clone() };
        Ok(())
    }

    /// Bytes in the file that is being written.
    pub(super) fn bytes(&self) -> u64 {
        self.current.as_ref().map_or(0, |current| current.bytes)
    }

    /// The end of what is durable.
    pub(super) fn durable_end(&self) -> Place {
        match &self.current {
            Some(current) => Place { file: current.number, bytes: current.durable.bytes },
            None => Place { file: self.next_number, bytes: 0 },
        }
    }

    /// Ends the file that is being written, and returns its number. What is durable stays.
    pub(super) fn end(&mut self) -> Option<u64> {
        let current = self.current.take_if(|current| current.durable.bytes > 0)?;
        self.next_number = current.number + 1;
        Some(current.number)
    }

    fn rewind(&mut self) {
        if let Some(current) = &mut self.current {
            current.is_torn = true;
            current.bytes = current.durable.bytes;
            self.last_hash = current.durable.last_hash.clone();
        }
    }
}

impl Current {
    fn create(directory: &Path, number: u64, last_hash: &str) -> io::Result<Self> {
        let path = layout::path(directory, number, Form::Plain);
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        let durable = Durable { bytes: 0, last_hash: last_hash.to_owned() };
        // One that an attempt before this left behind is cut.
        Ok(Self { file, number, bytes: 0, durable, is_torn: true, is_named: false })
    }

    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.is_torn {
            self.file.set_len(self.durable.bytes)?;
            self.is_torn = false;
        }
        self.file.write_all(lines)?;
        self.bytes += lines.len() as u64;
        Ok(())
    }

    fn sync(&mut self, directory: &Path) -> io::Result<()> {
        self.file.sync_data()?;
        if !self.is_named {
            layout::sync(directory)?;
            self.is_named = true;
        }
        Ok(())
    }
}

/// The end of what is there.
struct Last {
    /// Of the last file that has records; 0 if there is none.
    number: u64,
    hash: String,
    bytes_cut: u64,
}

/// Cuts the end of the last file off that does not belong to the chain, and keeps it beside the file: a crash leaves such
/// an end, but so does one who changed a line.
fn mend(directory: &Path, number: u64) -> io::Result<Last> {
    let path = layout::path(directory, number, Form::Plain);
    let mut file = OpenOptions::new().read(true).write(true).open(&path)?;
    let bytes = file.metadata()?.len();
    let followed = chain::follow(BufReader::new(&file), None)?;
    let bytes_cut = bytes - followed.bytes;
    if bytes_cut > 0 {
        let mut kept = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path.with_extension(CUT_EXTENSION))?;
        file.seek(SeekFrom::Start(followed.bytes))?;
        io::copy(&mut file, &mut kept)?;
        kept.sync_all()?;
        file.set_len(followed.bytes)?;
        file.sync_all()?;
    }
    match followed.last_hash {
        Some(hash) => Ok(Last { number, hash, bytes_cut }),
        None => {
            fs::remove_file(path)?;
            let number = number.saturating_sub(1);
            Ok(Last { number, hash: last_hash(directory, number)?, bytes_cut })
        }
    }
}

/// The hash of the last line of a file that is complete. Of one that is not there nobody knows, and nobody has to.
fn last_hash(directory: &Path, number: u64) -> io::Result<String> {
    let missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    let read = match fs::read(layout::path(directory, number, Form::Digest)) {
        Ok(text) => serde_json::from_slice::<Digest>(&text)?.last_record_hash,
        Err(error) if missing(&error) => {
            match File::open(layout::path(directory, number, Form::Plain)) {
                Ok(file) => chain::follow(BufReader::new(file), None)?.last_hash,
                Err(error) if missing(&error) => Some(chain::BEGINNING.to_owned()),
                Err(error) => return Err(error),
            }
        }
        Err(error) => return Err(error),
    };
    read.ok_or_else(|| io::Error::other(format!("audit file {number} has no records")))
}
