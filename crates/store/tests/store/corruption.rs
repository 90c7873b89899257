//! Damage anywhere in a data directory: it is refused or read as an error, never served, and the offline check finds it.
//!
//! Each seed damages one file of a copy in one way. `SLUICE_CORRUPTION_SEEDS=5000` runs more of them,
//! `SLUICE_CORRUPTION_SEED=17` runs one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sluice_store::{Batch, OfflineStore, RocksStore, ShardId, Space, Store, StoreError};
use tempfile::TempDir;

use crate::directory::{copy_of, open};

const SEEDS_DEFAULT: u64 = 150;
/// Seeds that once found a fault.
const SEEDS_OF_FAULTS: [u64; 1] = [
    // A flipped bit makes format 1 format 9, which was taken for the work of a newer version.
    1_507,
];
const SHARD: ShardId = ShardId(1);
/// Bytes that a failing disk loses at once.
const SECTOR_BYTES: usize = 512;

/// What was put into a store and not deleted.
type Content = BTreeMap<(u8, Vec<u8>), Vec<u8>>;

/// Numbers that look random (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

fn number_of(space: Space) -> u8 {
    match space {
        Space::Rows => 0,
        Space::Bodies => 1,
    }
}

/// A closed store with table files, blob files and a log, and what is in it.
fn directory() -> (TempDir, Content) {
    let dir = tempfile::tempdir().unwrap();
    let (mut content, mut random) = (Content::new(), Random(1));
    for session in 0..4_u32 {
        let store = open(dir.path()).unwrap();
        let mut shard = store.open_shard(SHARD).unwrap();
        for number in 0..60_u32 {
            let key = (session * 1_000 + number).to_be_bytes().to_vec();
            let mut batch = Batch::new();
            for space in [Space::Rows, Space::Bodies] {
                let bytes = random.below(if space == Space::Rows { 100 } else { 3_000 });
                let value: Vec<u8> = (0..bytes).map(|_| random.next() as u8).collect();
                batch.put(space, key.clone(), value.clone());
                content.insert((number_of(space), key.clone()), value);
            }
            shard.commit(batch).wait().unwrap();
        }
        // Some of the session before goes, one by one and all at once.
        let before = session.saturating_sub(1) * 1_000;
        let mut batch = Batch::new();
        for number in (before..before + 20).step_by(2) {
            batch.delete(Space::Bodies, number.to_be_bytes().to_vec());
            content.remove(&(1, number.to_be_bytes().to_vec()));
        }
        let range = (before + 40).to_be_bytes().to_vec()..(before + 50).to_be_bytes().to_vec();
        content.retain(|(space, key), _| *space == 1 || !range.contains(key));
        batch.delete_range(Space::Rows, range);
        shard.commit(batch).wait().unwrap();
        store.close().unwrap();
    }
    (dir, content)
}

/// What a seed does.
#[derive(Debug)]
enum Damage {
    FlipBit(usize),
    ZeroSector(usize),
    Truncate(usize),
    Delete,
}

fn files(path: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for directory in [path.to_owned(), path.join("db")] {
        let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        files.extend(entries.filter(|path| path.is_file()));
    }
    files.sort();
    files
}

/// The kind of a file: large files of one kind do not hide the small ones of another.
fn kind(path: &Path) -> String {
    let name = path.file_name().unwrap().to_string_lossy();
    match path.extension() {
        Some(extension) if name.as_bytes()[0].is_ascii_digit() => {
            extension.to_string_lossy().into()
        }
        _ => name.split('-').next().unwrap().into(),
    }
}

/// Damages a directory as a seed says.
fn inflict(path: &Path, seed: u64) -> (PathBuf, Damage) {
    let mut random = Random(seed);
    let files = files(path);
    let mut kinds: Vec<_> = files.iter().map(|file| kind(file)).collect();
    kinds.sort();
    kinds.dedup();
    let chosen = &kinds[random.below(kinds.len())];
    let of_kind: Vec<_> = files.iter().filter(|file| kind(file) == *chosen).collect();
    let file = of_kind[random.below(of_kind.len())].clone();
    let mut bytes = fs::read(&file).unwrap();
    let position = random.below(bytes.len());
    let damage = match random.below(6) {
        0 => Damage::Delete,
        1 => Damage::Truncate(position),
        2 => Damage::ZeroSector(position / SECTOR_BYTES * SECTOR_BYTES),
        _ => Damage::FlipBit(position * 8 + random.below(8)),
    };
    match damage {
        Damage::Delete => fs::remove_file(&file).unwrap(),
        Damage::Truncate(length) => bytes.truncate(length),
        Damage::ZeroSector(start) => {
            let end = bytes.len().min(start + SECTOR_BYTES);
            bytes[start..end].fill(0);
        }
        Damage::FlipBit(bit) => {
            if let Some(byte) = bytes.get_mut(bit / 8) {
                *byte ^= 1 << (bit % 8);
            }
        }
    }
    if !matches!(damage, Damage::Delete) {
        fs::write(&file, bytes).unwrap();
    }
    (file, damage)
}

/// What became of a damaged directory.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Refused,
    Errors,
    Intact,
}

/// Opens a directory, reads everything in it, and compares: nothing else than what was put there may come back.
fn serve(path: &Path, content: &Content) -> Result<Outcome, String> {
    let store = match open(path) {
        Ok(store) => store,
        Err(error) => return judge_refusal(path, &error),
    };
    let found = read(&store, content)?;
    match store.close() {
        Ok(()) => Ok(found),
        // Background work met the damage.
        Err(error) => judge_refusal(path, &error),
    }
}

fn judge_refusal(path: &Path, error: &StoreError) -> Result<Outcome, String> {
    let text = error.to_string();
    let is_named = text.contains(&path.display().to_string());
    let says_what_to_do = text.contains("restore") || text.contains("choose");
    match is_named && says_what_to_do {
        true => Ok(Outcome::Refused),
        false => Err(format!("the refusal does not help: {text}")),
    }
}

fn read(store: &RocksStore, content: &Content) -> Result<Outcome, String> {
    let reader = store.open_shard(SHARD).unwrap().reader();
    let mut outcome = Outcome::Intact;
    for ((space, key), value) in content {
        let space = if *space == 0 { Space::Rows } else { Space::Bodies };
        match reader.get(space, key) {
            Ok(Some(found)) if found == *value => {}
            Ok(Some(_)) => return Err(format!("{key:?} has another value")),
            Ok(None) => return Err(format!("{key:?} is lost without an error")),
            Err(_) => outcome = Outcome::Errors,
        }
    }
    for space in [Space::Rows, Space::Bodies] {
        let Ok(rows) = reader.scan(space, &[]..&[0xff; 8], usize::MAX) else {
            outcome = Outcome::Errors;
            continue;
        };
        for (key, value) in rows {
            if content.get(&(number_of(space), key.clone())).is_none_or(|known| *known != value) {
                return Err(format!("{key:?} was deleted, or never like that"));
            }
        }
    }
    Ok(outcome)
}

/// Says how much damage the offline check finds.
fn check(path: &Path) -> usize {
    let store = match OfflineStore::open(path) {
        Ok(store) => store,
        Err(_) => return 1,
    };
    let mut found = 0;
    if store.check_files(&mut |_| found += 1).is_err() {
        found += 1;
    }
    for shard in store.shards().unwrap_or_default() {
        for space in [Space::Rows, Space::Bodies] {
            found +=
                usize::from(store.reader(shard).scan(space, &[]..&[0xff; 8], usize::MAX).is_err());
        }
    }
    found
}

#[allow(clippy::print_stdout, reason = "shown to whoever asks for it")]
fn run(dir: &Path, content: &Content, seed: u64) -> Result<Outcome, String> {
    let copy = copy_of(dir);
    let (file, damage) = inflict(copy.path(), seed);
    let found = check(copy.path());
    let file = file.strip_prefix(copy.path()).unwrap().display().to_string();
    let outcome = serve(copy.path(), content);
    if std::env::var_os("SLUICE_CORRUPTION_SHOW").is_some() {
        println!("seed {seed}: {damage:?} of {file}: {outcome:?}, {found} found");
    }
    let judged = match outcome {
        Ok(outcome) if outcome == Outcome::Intact || found > 0 => return Ok(outcome),
        Ok(outcome) => format!("{outcome:?}, but the check finds nothing"),
        Err(text) => text,
    };
    let kept = copy_of(dir);
    inflict(kept.path(), seed);
    let kept = kept.keep();
    Err(format!(
        "seed {seed}, {damage:?} of {file}: {judged}; the same damage is in {}",
        kept.display()
    ))
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

#[test]
fn damage_anywhere_is_refused_or_read_as_an_error_and_found() {
    let (dir, content) = directory();
    assert_eq!(
        (check(dir.path()), serve(copy_of(dir.path()).path(), &content)),
        (0, Ok(Outcome::Intact))
    );
    let seeds: Vec<u64> = match number("SLUICE_CORRUPTION_SEED") {
        Some(seed) => vec![seed],
        None => {
            let seeds = 0..number("SLUICE_CORRUPTION_SEEDS").unwrap_or(SEEDS_DEFAULT);
            SEEDS_OF_FAULTS.into_iter().chain(seeds).collect()
        }
    };
    let outcomes: Vec<_> = seeds.into_iter().map(|seed| run(dir.path(), &content, seed)).collect();
    let failures: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert!(failures.is_empty(), "{failures:#?}");
    let has = |wanted: &Outcome| outcomes.iter().any(|outcome| outcome.as_ref() == Ok(wanted));
    let is_one = outcomes.len() == 1;
    assert!(is_one || (has(&Outcome::Refused) && has(&Outcome::Errors)), "damage hits data");
}
