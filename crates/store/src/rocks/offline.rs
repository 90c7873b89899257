//! A data directory that is read and not served: for checks, sizes and nothing else. Nothing in it is changed.
//!
//! RocksDB opens for reading only, and not the directory itself but a view of it in a temporary directory: a link to each
//! file, and a copy of a log whose torn tail the next start would cut off. So whatever RocksDB may write goes there.

use std::fs::{self, File};
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use rocksdb::checkpoint::Checkpoint;
use rocksdb::{ColumnFamily, DB, ReadOptions};
use tempfile::TempDir;

use super::blob_file;
use super::database::store_error;
use super::options::{BODIES, ROWS, RocksOptions};
use super::shard::{PREFIX_BYTES, stored_key};
use super::torn_tail::{self, TornTail};
use crate::data_dir::DataDir;
use crate::{FileSizes, Reader, Row, ShardId, Space, StoreError};

const CACHE_BYTES: usize = 16 << 20;
/// Large enough that a checkpoint never flushes, which it could not.
const NEVER_FLUSH: u64 = u64::MAX;
const GARBAGE_BYTES: &str = "rocksdb.live-blob-file-garbage-size";

/// A data directory opened to be read. No server can use it meanwhile.
pub struct OfflineStore(Arc<Opened>);

struct Opened {
    // Dropped in this order: RocksDB must be gone before its files and the lock are.
    db: DB,
    view: TempDir,
    torn: Vec<TornTail>,
    data_dir: DataDir,
}

impl OfflineStore {
    /// Opens a data directory for reading.
    ///
    /// # Errors
    /// As [`crate::RocksStore::open`], and [`StoreError::NoData`] if there is none.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let data_dir = DataDir::open_existing(path)?;
        let files = data_dir.engine_path();
        let torn = torn_tail::find(&files)?;
        for tail in &torn {
            data_dir.refuse_torn(&tail.file, tail.kept_bytes)?;
        }
        let view = view_of(&files, &torn)?;
        let options = RocksOptions {
            block_cache_bytes: CACHE_BYTES,
            write_buffer_bytes: CACHE_BYTES,
            ..RocksOptions::new(path)
        };
        let cache = options.cache();
        let mut database = options.database(&cache);
        database.create_if_missing(false);
        database.create_missing_column_families(false);
        let db = options
            .column_families(&cache)
            .and_then(|families| {
                DB::open_cf_descriptors_read_only(&database, view.path(), families, false)
            })
            .map_err(|error| translated(error, view.path(), &files))?;
        Ok(Self(Arc::new(Opened { db, view, torn, data_dir })))
    }

    /// Returns a reader of a shard.
    #[must_use]
    pub fn reader(&self, shard: ShardId) -> Arc<dyn Reader> {
        Arc::new(OfflineReader { shard, opened: Arc::clone(&self.0) })
    }

    /// Returns the shards that hold anything.
    ///
    /// # Errors
    /// As [`Reader::get`].
    pub fn shards(&self) -> Result<Vec<ShardId>, StoreError> {
        let mut shards = Vec::new();
        for space in [Space::Rows, Space::Bodies] {
            let mut iterator = self.0.db.raw_iterator_cf_opt(self.0.family(space)?, read_options());
            let mut next = Some(0_u16);
            while let Some(number) = next {
                iterator.seek(number.to_be_bytes());
                let found = iterator.key().and_then(|key| key.first_chunk().copied());
                let Some(found) = found.map(u16::from_be_bytes) else { break };
                shards.push(ShardId(found));
                next = found.checked_add(1);
            }
            iterator.status().map_err(|error| self.0.error(error))?;
        }
        shards.sort();
        shards.dedup();
        Ok(shards)
    }

    /// Returns where a log or the manifest ends in a torn tail, which the next start cuts off: the file and the byte.
    #[must_use]
    pub fn torn_tail(&self) -> Option<(PathBuf, u64)> {
        self.0.torn.first().map(|tail| (tail.file.clone(), tail.kept_bytes))
    }

    /// Reads every file that is in use from end to end and reports what does not match its checksums.
    ///
    /// # Errors
    /// What keeps the files from being read at all.
    pub fn check_files(&self, found: &mut dyn FnMut(StoreError)) -> Result<(), StoreError> {
        for space in [Space::Rows, Space::Bodies] {
            self.0.read_tables(space, found)?;
        }
        let live = self.0.live_files()?;
        for name in live.iter().filter(|name| has_extension(name, "blob")) {
            let path = self.0.files().join(name);
            match blob_file::damage(&path) {
                Ok(None) => {}
                Ok(Some(detail)) => found(StoreError::Corrupt { path, detail }),
                Err(error) => found(StoreError::io("read", &path, error)),
            }
        }
        Ok(())
    }

    /// Measures the files.
    ///
    /// # Errors
    /// What keeps the directory from being listed.
    pub fn file_sizes(&self) -> Result<FileSizes, StoreError> {
        let mut sizes = FileSizes::default();
        let live = self.0.live_files()?;
        let path = self.0.files();
        let io = |error| StoreError::io("list", &path, error);
        for entry in fs::read_dir(&path).map_err(io)? {
            let entry = entry.map_err(io)?;
            let bytes = entry.metadata().map_err(io)?.len();
            let name = entry.file_name();
            let name = Path::new(&name);
            let size = if live.iter().all(|live| live != name) && is_data(name) {
                &mut sizes.unused
            } else if has_extension(name, "sst") {
                &mut sizes.tables
            } else if has_extension(name, "blob") {
                &mut sizes.blobs
            } else if has_extension(name, "log") {
                &mut sizes.logs
            } else {
                &mut sizes.other
            };
            size.files += 1;
            size.bytes += bytes;
        }
        let garbage = self
            .0
            .family(Space::Bodies)
            .map(|family| self.0.db.property_int_value_cf(family, GARBAGE_BYTES).ok().flatten())?;
        sizes.garbage_bytes = garbage.unwrap_or(0);
        Ok(sizes)
    }
}

impl Opened {
    fn family(&self, space: Space) -> Result<&ColumnFamily, StoreError> {
        let name = match space {
            Space::Rows => ROWS,
            Space::Bodies => BODIES,
        };
        self.db.cf_handle(name).ok_or_else(|| StoreError::Corrupt {
            path: self.files(),
            detail: format!("column family {name} is missing"),
        })
    }

    fn files(&self) -> PathBuf {
        self.data_dir.engine_path()
    }

    fn error(&self, error: rocksdb::Error) -> StoreError {
        translated(error, self.view.path(), &self.files())
    }

    /// Reads every block of the table files, those that deletions of ranges hide included. After damage it goes on behind
    /// the file that has it.
    #[expect(
        deprecated,
        reason = "it slows down nobody here, and nothing else shows what a range hides"
    )]
    fn read_tables(
        &self,
        space: Space,
        found: &mut dyn FnMut(StoreError),
    ) -> Result<(), StoreError> {
        let family = self.family(space)?;
        let files = self.db.live_files().map_err(|error| self.error(error))?;
        let mut options = read_options();
        options.set_ignore_range_deletions(true);
        let mut iterator = self.db.raw_iterator_cf_opt(family, options);
        iterator.seek_to_first();
        loop {
            while iterator.valid() {
                iterator.next();
            }
            let Err(error) = iterator.status() else { return Ok(()) };
            let error = self.error(error);
            let damaged = match &error {
                StoreError::Corrupt { path, .. } | StoreError::Io { path, .. } => path.file_name(),
                _ => None,
            };
            let of_file = files
                .iter()
                .find(|file| damaged.is_some_and(|name| file.name.trim_start_matches('/') == name));
            let behind = of_file.and_then(|file| file.end_key.clone());
            found(error);
            let Some(mut behind) = behind else { return Ok(()) };
            behind.push(0);
            iterator.seek(behind);
        }
    }

    /// Returns the names of the files that are in use; others are leftovers of a crash.
    fn live_files(&self) -> Result<Vec<PathBuf>, StoreError> {
        let target = self.view.path().join("live");
        let io = |error| StoreError::io("list", &target, error);
        if !target.exists() {
            Checkpoint::new(&self.db)
                .and_then(|checkpoint| {
                    checkpoint.create_checkpoint_with_log_size(&target, NEVER_FLUSH)
                })
                .map_err(|error| self.error(error))?;
        }
        let entries = fs::read_dir(&target).map_err(io)?;
        entries.map(|entry| Ok(entry.map_err(io)?.file_name().into())).collect()
    }
}

struct OfflineReader {
    shard: ShardId,
    opened: Arc<Opened>,
}

impl Reader for OfflineReader {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let family = self.opened.family(space)?;
        let key = stored_key(self.shard, key);
        let value = self.opened.db.get_pinned_cf_opt(family, key, &read_options());
        let value = value.map_err(|error| self.opened.error(error))?;
        Ok(value.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn multi_get(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>, StoreError> {
        keys.iter().map(|key| self.get(space, key)).collect()
    }

    fn scan(&self, space: Space, ends: Range<&[u8]>, limit: usize) -> Result<Vec<Row>, StoreError> {
        if ends.start >= ends.end || limit == 0 {
            return Ok(Vec::new());
        }
        let from = stored_key(self.shard, ends.start);
        let mut options = read_options();
        options.set_iterate_range(from.clone()..stored_key(self.shard, ends.end));
        let mut iterator = self.opened.db.raw_iterator_cf_opt(self.opened.family(space)?, options);
        let mut rows = Vec::new();
        iterator.seek(from);
        while let Some((key, value)) = iterator.item()
            && rows.len() < limit
        {
            let key = key.get(PREFIX_BYTES..).unwrap_or_default().to_vec();
            rows.push((key, Bytes::copy_from_slice(value)));
            iterator.next();
        }
        iterator.status().map_err(|error| self.opened.error(error))?;
        Ok(rows)
    }
}

/// What is read once does not displace what is read often: the indexes.
fn read_options() -> ReadOptions {
    let mut options = ReadOptions::default();
    options.fill_cache(false);
    options.set_verify_checksums(true);
    options
}

/// Makes a directory with a link to each file of RocksDB, and copies of those that have to be cut.
fn view_of(files: &Path, torn: &[TornTail]) -> Result<TempDir, StoreError> {
    let view = tempfile::Builder::new().prefix("sluice-store-").tempdir();
    let view =
        view.map_err(|error| StoreError::io("make a directory in", &std::env::temp_dir(), error))?;
    let files = fs::canonicalize(files).map_err(|error| StoreError::io("find", files, error))?;
    let io = |error| StoreError::io("list", &files, error);
    for entry in fs::read_dir(&files).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let Some(name) = path.file_name().filter(|name| !is_not_read(name.as_ref())) else {
            continue;
        };
        let target = view.path().join(name);
        let linked = match torn.iter().find(|tail| tail.file.file_name() == Some(name)) {
            Some(tail) => copy_start(&path, &target, tail.kept_bytes),
            None => symlink(&path, &target),
        };
        linked.map_err(|error| StoreError::io("link", &target, error))?;
    }
    Ok(view)
}

fn copy_start(from: &Path, to: &Path, bytes: u64) -> io::Result<()> {
    io::copy(&mut File::open(from)?.take(bytes), &mut File::create(to)?).map(drop)
}

/// RocksDB's own log, and its lock.
fn is_not_read(name: &Path) -> bool {
    name == "LOCK" || name.to_string_lossy().starts_with("LOG")
}

fn is_data(name: &Path) -> bool {
    ["sst", "blob"].iter().any(|extension| has_extension(name, extension))
}

fn has_extension(name: &Path, extension: &str) -> bool {
    name.extension().is_some_and(|found| found == extension)
}

/// Translates an error of RocksDB, with the names of the files themselves instead of those in the view.
fn translated(error: rocksdb::Error, view: &Path, files: &Path) -> StoreError {
    let (view, files_text) = (view.to_string_lossy(), files.to_string_lossy());
    let error = store_error(view.as_ref().into(), error);
    let real = |text: &str| text.replace(&*view, &files_text);
    match error {
        StoreError::Corrupt { path, detail } => StoreError::Corrupt {
            path: real(&path.to_string_lossy()).into(),
            detail: real(&detail),
        },
        StoreError::Engine { path, detail } => {
            StoreError::Engine { path: real(&path.to_string_lossy()).into(), detail: real(&detail) }
        }
        other => other,
    }
}
