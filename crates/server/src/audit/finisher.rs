//! Compresses files that are full and writes their digests, one after the other.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::Digest as _;
use tokio::sync::mpsc;
use tracing::{info, warn};

use super::chain::{self, Followed};
use super::digest::{ALGORITHM, Digest};
use super::layout::{self, Form};
use crate::hex;

/// Pause after an attempt that failed, for lack of space most likely.
const RETRY_PAUSE: Duration = Duration::from_secs(2);
const TEMPORARY_EXTENSION: &str = "tmp";
const COPIED_BYTES: usize = 64 << 10;

/// Finishes files in the order in which they were written.
#[derive(Debug, Clone)]
pub(super) struct Finisher {
    directory: PathBuf,
}

impl Finisher {
    pub(super) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// Finishes the files whose numbers come, until no more do. One that cannot be finished is tried again, until the
    /// server stops: then the next start does it.
    pub(super) async fn run(self, mut numbers: mpsc::Receiver<u64>) {
        while let Some(number) = numbers.recv().await {
            let mut has_warned = false;
            loop {
                let finisher = self.clone();
                let finished = tokio::task::spawn_blocking(move || finisher.finish(number)).await;
                let cause = match finished {
                    Ok(Ok(digest)) => {
                        let file = layout::name(number, Form::Digest);
                        info!(file, sha256 = digest, "an audit file is finished");
                        break;
                    }
                    Ok(Err(error)) => error.to_string(),
                    Err(panic) => panic.to_string(),
                };
                if !has_warned {
                    let file = layout::name(number, Form::Plain);
                    warn!(file, cause, "cannot compress an audit file; trying again");
                    has_warned = true;
                }
                if numbers.is_closed() {
                    return;
                }
                tokio::time::sleep(RETRY_PAUSE).await;
            }
        }
    }

    /// Finishes a file; repeats what an attempt before this has done. Returns the hash of its digest.
    pub(super) fn finish(&self, number: u64) -> io::Result<String> {
        let path = |form| layout::path(&self.directory, number, form);
        let text = match fs::read(path(Form::Digest)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.compress(number)?,
            Err(error) => return Err(error),
        };
        fs::remove_file(path(Form::Plain))?;
        layout::sync(&self.directory)?;
        Ok(chain::hash(&text))
    }

    /// Writes the compressed file, then its digest.
    fn compress(&self, number: u64) -> io::Result<Vec<u8>> {
        let path = |form| layout::path(&self.directory, number, form);
        let followed = chain::follow(BufReader::new(File::open(path(Form::Plain))?), None)?;
        let mut plain = File::open(path(Form::Plain))?;
        let hash_value = put(&path(Form::Compressed), |file| compressed(&mut plain, file))?;
        let previous = fs::read(layout::path(&self.directory, number - 1, Form::Digest));
        let previous_digest_hash_value = match previous {
            Ok(text) => Some(chain::hash(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let digest = digest(number, hash_value, followed, previous_digest_hash_value);
        let mut text = serde_json::to_vec_pretty(&digest)?;
        text.push(b'\n');
        put(&path(Form::Digest), |file| file.write_all(&text))?;
        layout::sync(&self.directory)?;
        Ok(text)
    }
}

fn digest(number: u64, hash_value: String, followed: Followed, previous: Option<String>) -> Digest {
    Digest {
        number,
        log_file: layout::name(number, Form::Compressed),
        hash_algorithm: ALGORITHM.to_owned(),
        hash_value,
        records: followed.records,
        oldest_event_time: followed.oldest,
        newest_event_time: followed.newest,
        first_previous_record_hash: followed.first_previous_hash,
        last_record_hash: followed.last_hash,
        previous_digest_hash_value: previous,
    }
}

/// Writes a whole file or none, and returns its hash.
fn put(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<String> {
    let temporary = path.with_extension(TEMPORARY_EXTENSION);
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    write(&mut file)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    file_hash(path)
}

fn compressed(plain: &mut File, file: &mut File) -> io::Result<()> {
    let mut encoder = GzEncoder::new(file, Compression::default());
    io::copy(plain, &mut encoder)?;
    encoder.finish().map(drop)
}

/// The hash of a file.
pub(super) fn file_hash(path: &Path) -> io::Result<String> {
    let (mut file, mut hasher) = (File::open(path)?, sha2::Sha256::new());
    let mut buffer = vec![0; COPIED_BYTES];
    loop {
        let bytes = file.read(&mut buffer)?;
        if bytes == 0 {
            return Ok(hex::text(hasher.finalize()));
        }
        hasher.update(&buffer[..bytes]);
    }
}
