//! Reads an audit directory again and follows the chain through it.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::chain::{self, Followed};
use super::digest::{ALGORITHM, Digest};
use super::finisher::file_hash;
use super::layout::{self, Form};

/// What was found in a directory whose chain is whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// Number of the first file. Nobody can tell what was before it, unless it is the first of all.
    pub first_file: u64,
    /// Files.
    pub files: u64,
    /// Records in them.
    pub records: u64,
    /// `eventTime` of the first record.
    pub oldest: Option<String>,
    /// `eventTime` of the last record.
    pub newest: Option<String>,
    /// Hash of the last record.
    pub last_record_hash: Option<String>,
    /// Hash of the last digest file.
    pub last_digest_hash: Option<String>,
    /// Whether the last record is being written, or a crash left a part of one.
    pub is_tail_torn: bool,
}

/// Why a directory is not verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The chain breaks here.
    #[error("{path}{place}: {what}", path = path.display(), place = line.map(|line| format!(", line {line}")).unwrap_or_default())]
    Broken {
        /// The file.
        path: PathBuf,
        /// The line, if it is in one.
        line: Option<u64>,
        /// What is wrong.
        what: String,
    },
    /// It has no audit files.
    #[error("{path} has no audit files", path = path.display())]
    Empty {
        /// The directory.
        path: PathBuf,
    },
    /// A file cannot be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
}

/// Follows the chain through a directory, also while a server writes there. With `digest`, the hash of a digest file that
/// was kept elsewhere, that has to be among the digest files.
///
/// # Errors
/// The first place where something is missing, was added or changed.
pub fn verify(directory: &Path, digest: Option<&str>) -> Result<Verified, VerifyError> {
    let listed = layout::list(directory).map_err(|source| io_error(directory, source))?;
    let Some((first, last)) = listed.first_key_value().zip(listed.last_key_value()) else {
        return Err(VerifyError::Empty { path: directory.to_owned() });
    };
    let (first, last) = (*first.0, *last.0);
    let mut reader = Reader { directory, verified: Verified::default(), digests: Vec::new() };
    reader.verified.first_file = first;
    if first == 1 {
        reader.verified.last_record_hash = Some(chain::BEGINNING.to_owned());
    }
    for number in first..=last {
        let path = layout::path(directory, number, Form::Compressed);
        let Some(forms) = listed.get(&number) else {
            return Err(broken(path, None, "the file is missing"));
        };
        if forms.contains(&Form::Digest) {
            reader.finished(number, first)?;
        } else if forms.contains(&Form::Plain) {
            reader.plain(number, number == last)?;
        } else {
            return Err(broken(path, None, "its digest is missing"));
        }
    }
    if let Some(kept) = digest.filter(|kept| !reader.digests.iter().any(|it| it == kept)) {
        let what = format!("none of its digest files has the hash {kept}");
        return Err(broken(directory.to_owned(), None, what));
    }
    Ok(Verified { last_digest_hash: reader.digests.pop(), ..reader.verified })
}

fn broken(path: PathBuf, line: Option<u64>, what: impl Into<String>) -> VerifyError {
    VerifyError::Broken { path, line, what: what.into() }
}

fn io_error(path: &Path, source: io::Error) -> VerifyError {
    VerifyError::Io { path: path.to_owned(), source }
}

struct Reader<'a> {
    directory: &'a Path,
    verified: Verified,
    /// Hashes of the digest files so far.
    digests: Vec<String>,
}

impl Reader<'_> {
    fn finished(&mut self, number: u64, first: u64) -> Result<(), VerifyError> {
        let path = |form| layout::path(self.directory, number, form);
        let digest_path = path(Form::Digest);
        let text = fs::read(&digest_path).map_err(|source| io_error(&digest_path, source))?;
        let digest: Digest = serde_json::from_slice(&text).map_err(|error| {
            broken(digest_path.clone(), None, format!("it is no digest: {error}"))
        })?;
        // What was before the first file that is left cannot be compared.
        let is_next = match self.digests.last() {
            Some(previous) => digest.previous_digest_hash_value.as_ref() == Some(previous),
            None if number == 1 => digest.previous_digest_hash_value.is_none(),
            None => number == first,
        };
        if !is_next {
            let what = "it was written after another digest than the one before it";
            return Err(broken(digest_path, None, what));
        }
        if digest.number != number || digest.hash_algorithm != ALGORITHM {
            return Err(broken(digest_path, None, "it is the digest of another file"));
        }
        let path = path(Form::Compressed);
        let hash = file_hash(&path).map_err(|source| missing_or_unreadable(&path, source))?;
        if hash != digest.hash_value {
            let what = format!("its SHA-256 is {hash}, but its digest says {}", digest.hash_value);
            return Err(broken(path, None, what));
        }
        let file = File::open(&path).map_err(|source| io_error(&path, source))?;
        let followed = self.follow(&path, MultiGzDecoder::new(file))?;
        if let Some(what) = followed.broken {
            return Err(broken(path, Some(followed.records + 1), what));
        }
        digest.check(&followed).map_err(|what| broken(digest_path, None, what))?;
        self.digests.push(chain::hash(&text));
        self.add(followed);
        Ok(())
    }

    fn plain(&mut self, number: u64, is_last: bool) -> Result<(), VerifyError> {
        let path = layout::path(self.directory, number, Form::Plain);
        let file = File::open(&path).map_err(|source| missing_or_unreadable(&path, source))?;
        let bytes = file.metadata().map_err(|source| io_error(&path, source))?.len();
        let followed = self.follow(&path, file)?;
        match &followed.broken {
            // The last line may still be on its way.
            Some(what) if is_last && what == chain::NO_END => self.verified.is_tail_torn = true,
            Some(what) => {
                return Err(broken(path, Some(followed.records + 1), what.clone()));
            }
            None if bytes == 0 && !is_last => {
                return Err(broken(path, None, "it has no records"));
            }
            None => {}
        }
        self.add(followed);
        Ok(())
    }

    fn follow(&self, path: &Path, file: impl io::Read) -> Result<Followed, VerifyError> {
        let previous = self.verified.last_record_hash.clone();
        chain::follow(BufReader::new(file), previous).map_err(|source| io_error(path, source))
    }

    fn add(&mut self, followed: Followed) {
        let verified = &mut self.verified;
        verified.files += 1;
        verified.records += followed.records;
        verified.last_record_hash = followed.last_hash;
        verified.oldest = verified.oldest.take().or(followed.oldest);
        verified.newest = followed.newest.or(verified.newest.take());
    }
}

fn missing_or_unreadable(path: &Path, source: io::Error) -> VerifyError {
    match source.kind() {
        io::ErrorKind::NotFound => broken(path.to_owned(), None, "the file is missing"),
        _ => io_error(path, source),
    }
}
