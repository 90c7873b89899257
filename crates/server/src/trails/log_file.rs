//! A file that a trail delivers, where CloudTrail would put it (neighbours §4.4): a bucket is a directory.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use sluice_wire::iso_8601;

use crate::identities::Trail;
use crate::random;

/// Where the buckets are, in the directory of the audit log.
const BUCKETS: &str = "buckets";
/// Letters and digits at the end of a name.
const SUFFIX_CHARS: usize = 16;
const SUFFIX_ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz012345";

/// A file that is being written. Nobody sees it before it is finished.
pub(super) struct LogFile {
    buckets: PathBuf,
    /// The directory in the bucket, and the name there.
    place: (PathBuf, String),
    temporary: PathBuf,
    encoder: GzEncoder<BufWriter<File>>,
    /// Of records, before they are compressed.
    bytes: u64,
}

impl LogFile {
    /// Begins a file with the events of a trail in a region; `number` tells those apart that are being written.
    pub(super) fn create(
        audit_directory: &Path,
        number: usize,
        trail: &Trail,
        region: &str,
        now_ms: u64,
    ) -> io::Result<Self> {
        let buckets = audit_directory.join(BUCKETS);
        create_directories(audit_directory, Path::new(BUCKETS))?;
        // No bucket has such a name. One that a crash left behind is written over.
        let temporary = buckets.join(format!(".delivery-{number}.tmp"));
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)?;
        let mut encoder = GzEncoder::new(BufWriter::new(file), Compression::default());
        encoder.write_all(b"{\"Records\":[")?;
        let place = place(trail, region, now_ms);
        Ok(Self { buckets, place, temporary, encoder, bytes: 0 })
    }

    /// Adds a record.
    pub(super) fn add(&mut self, record: &str) -> io::Result<()> {
        if self.bytes > 0 {
            self.encoder.write_all(b",")?;
        }
        self.bytes += record.len() as u64;
        self.encoder.write_all(record.as_bytes())
    }

    /// How much is in it.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Puts the file into its bucket, durably.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.encoder.write_all(b"]}")?;
        let file = self.encoder.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        let (directory, name) = &self.place;
        let directory = create_directories(&self.buckets, directory)?;
        fs::rename(&self.temporary, directory.join(name))?;
        sync(&directory)
    }
}

/// `BUCKET/[prefix/]AWSLogs/ACCOUNT/CloudTrail/REGION/YYYY/MM/DD` and the name of a file there.
fn place(trail: &Trail, region: &str, now_ms: u64) -> (PathBuf, String) {
    let Trail { bucket, prefix, account, .. } = trail;
    let time = iso_8601(now_ms / 1_000);
    let (date, clock) = time.split_once('T').unwrap_or((&time, ""));
    let beginning = match prefix {
        Some(prefix) => format!("{bucket}/{prefix}"),
        None => bucket.clone(),
    };
    let day = date.replace('-', "/");
    let directory = format!("{beginning}/AWSLogs/{account}/CloudTrail/{region}/{day}");
    let minute: String = clock.chars().filter(char::is_ascii_digit).take(4).collect();
    let date = date.replace('-', "");
    let letter = |byte| char::from(SUFFIX_ALPHABET[usize::from(byte % 32)]);
    let suffix: String = random::bytes::<SUFFIX_CHARS>().map(letter).iter().collect();
    let name = format!("{account}_CloudTrail_{region}_{date}T{minute}Z_{suffix}.json.gz");
    (directory.into(), name)
}

/// Creates directories below one that is there, durably.
fn create_directories(root: &Path, below: &Path) -> io::Result<PathBuf> {
    let mut directory = root.to_owned();
    for part in below {
        let next = directory.join(part);
        match DirBuilder::new().mode(0o700).create(&next) {
            Ok(()) => sync(&directory)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        directory = next;
    }
    Ok(directory)
}

fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
