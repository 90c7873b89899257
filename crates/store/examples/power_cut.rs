//! Writes to a store until something kills it, or checks what is left; for `tests/faults/`, which cuts the power.
//!
//! ```text
//! power_cut run   DATA LEDGER SEED BATCHES    verifies, then commits batches up to that number in each shard
//! power_cut check DATA LEDGER SEED
//! ```
//!
//! Batch number n of a shard is a function of seed, shard and n, and writes n under [`NUMBER`]. So what a shard
//! holds must be exactly what its first n batches make, for the n it says. The ledger, a directory elsewhere, has
//! two files for each shard: how many batches were begun, and how many are acknowledged; n lies between.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program of the tests")]

use std::collections::{BTreeMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sluice_store::{
    Batch, CommitTicket, Reader, RocksOptions, RocksStore, Shard, ShardId, Space, Store, StoreError,
};

const SHARDS: u16 = 3;
const SPACES: [Space; 2] = [Space::Rows, Space::Bodies];
const KEYS: u64 = 300;
/// Holds the number of the last batch of a shard; before all other keys.
const NUMBER: &[u8] = b"a";
/// Commits of one shard that may wait for a sync.
const PENDING_MAX: u64 = 8;
/// Small, so that flushes and compactions happen within a second.
const WRITE_BUFFER_BYTES: usize = 512 << 10;

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// A stream of numbers (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn key(&mut self) -> Vec<u8> {
        format!("k{:04}", self.below(KEYS)).into_bytes()
    }

    /// Bytes that do not compress, sometimes more than a block of the log or a page of the disk.
    fn value(&mut self, space: Space) -> Vec<u8> {
        let bytes = match (space, self.below(20)) {
            (Space::Rows, _) => self.below(200),
            (Space::Bodies, 0) => self.below(100_000),
            (Space::Bodies, _) => self.below(4_000),
        };
        (0..bytes).map(|_| (self.next() >> 56) as u8).collect()
    }
}

enum Change {
    Put(Space, Vec<u8>, Vec<u8>),
    Delete(Space, Vec<u8>),
    DeleteRange(Space, Range<Vec<u8>>),
}

/// What batch `number` of a shard changes.
fn changes(seed: u64, shard: u16, number: u64) -> Vec<Change> {
    let mut numbers = Numbers(seed ^ u64::from(shard) << 48 ^ number << 20);
    let mut changes =
        vec![Change::Put(Space::Rows, NUMBER.to_vec(), number.to_be_bytes().to_vec())];
    for _ in 0..=numbers.below(5) {
        let space = SPACES[usize::from(numbers.below(2) == 0)];
        let key = numbers.key();
        changes.push(match numbers.below(20) {
            0 => {
                let to = numbers.key();
                Change::DeleteRange(space, key.clone().min(to.clone())..key.max(to))
            }
            1..=6 => Change::Delete(space, key),
            _ => Change::Put(space, key, numbers.value(space)),
        });
    }
    changes
}

fn batch(changes: Vec<Change>) -> Batch {
    let mut batch = Batch::new();
    for change in changes {
        match change {
            Change::Put(space, key, value) => batch.put(space, key, value),
            Change::Delete(space, key) => batch.delete(space, key),
            Change::DeleteRange(space, range) => batch.delete_range(space, range),
        }
    }
    batch
}

/// What the first batches of a shard make, by space.
fn expected(seed: u64, shard: u16, batches: u64) -> [Rows; 2] {
    let mut spaces = [Rows::new(), Rows::new()];
    for change in (1..=batches).flat_map(|number| changes(seed, shard, number)) {
        match change {
            Change::Put(space, key, value) => drop(spaces[space as usize].insert(key, value)),
            Change::Delete(space, key) => drop(spaces[space as usize].remove(&key)),
            Change::DeleteRange(space, range) => {
                spaces[space as usize].retain(|key, _| !range.contains(key));
            }
        }
    }
    spaces
}

/// The two numbers that a shard's writer keeps elsewhere.
struct Ledger {
    begun: File,
    acknowledged: File,
}

impl Ledger {
    fn open(directory: &Path, shard: u16) -> io::Result<Self> {
        let open = |name: &str| {
            let path = directory.join(format!("{name}-{shard}"));
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
        };
        Ok(Self { begun: open("begun")?, acknowledged: open("acknowledged")? })
    }
}

fn number_in(file: &File) -> io::Result<u64> {
    let mut bytes = [0; 8];
    match file.read_exact_at(&mut bytes, 0) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
        other => other.map(|()| u64::from_be_bytes(bytes)),
    }
}

/// The largest number ever: after a power cut a shard begins again below it.
fn set(file: &File, number: u64) -> io::Result<()> {
    if number > number_in(file)? {
        file.write_all_at(&number.to_be_bytes(), 0)?;
    }
    Ok(())
}

/// Compares a shard with what it must be; returns the number of its last batch.
fn verified(seed: u64, shard: u16, reader: &dyn Reader, ledger: &Ledger) -> Result<u64, String> {
    let told = |error: StoreError| format!("shard {shard} cannot be read: {error}");
    let number = match reader.get(Space::Rows, NUMBER).map_err(told)?.as_deref() {
        None => 0,
        Some(bytes) => u64::from_be_bytes(
            bytes.try_into().map_err(|_| format!("the number of shard {shard} is {bytes:?}"))?,
        ),
    };
    let in_ledger = |file| number_in(file).map_err(|error| format!("ledger: {error}"));
    let (acknowledged, begun) = (in_ledger(&ledger.acknowledged)?, in_ledger(&ledger.begun)?);
    if !(acknowledged..=begun).contains(&number) {
        return Err(format!(
            "shard {shard} is at batch {number}; {acknowledged} are acknowledged, {begun} were begun"
        ));
    }
    for (space, expected) in SPACES.into_iter().zip(expected(seed, shard, number)) {
        let found: Rows = reader
            .scan(space, &[][..]..&[0xff][..], usize::MAX)
            .map_err(told)?
            .into_iter()
            .map(|(key, value)| (key, value.to_vec()))
            .collect();
        if let Some(key) =
            found.keys().chain(expected.keys()).find(|k| found.get(*k) != expected.get(*k))
        {
            let key_text = String::from_utf8_lossy(key);
            let [found, expected] = [&found, &expected].map(|rows| rows.get(key).map(Vec::len));
            return Err(format!(
                "shard {shard} after batch {number}: {space:?} {key_text} has {found:?} bytes, expected {expected:?}"
            ));
        }
        for (key, value) in &expected {
            if reader.get(space, key).map_err(told)?.as_deref() != Some(value) {
                let key = String::from_utf8_lossy(key);
                return Err(format!(
                    "shard {shard}: a get of {space:?} {key} differs from the scan"
                ));
            }
        }
    }
    Ok(number)
}

/// Commits batches after `done` up to `last`; an error ends it, as what is acknowledged is in the ledger.
fn write(
    seed: u64,
    shard_number: u16,
    shard: &mut dyn Shard,
    ledger: &Ledger,
    done: u64,
    last: u64,
) -> io::Result<()> {
    let pending_max = Numbers(seed ^ u64::from(shard_number)).below(PENDING_MAX) as usize;
    let mut pending: VecDeque<(u64, CommitTicket)> = VecDeque::new();
    for number in done + 1..=last {
        set(&ledger.begun, number)?;
        let ticket = shard.commit(batch(changes(seed, shard_number, number)));
        pending.push_back((number, ticket));
        while pending.len() > pending_max || (number == last && !pending.is_empty()) {
            let Some((number, ticket)) = pending.pop_front() else { break };
            match ticket.wait() {
                Ok(()) => set(&ledger.acknowledged, number)?,
                Err(error) => {
                    eprintln!("shard {shard_number}: batch {number}: {error}");
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

struct Arguments {
    is_run: bool,
    data: PathBuf,
    ledger: PathBuf,
    seed: u64,
    batches: u64,
}

fn arguments() -> Option<Arguments> {
    let mut given = std::env::args().skip(1);
    let is_run = match given.next()?.as_str() {
        "run" => true,
        "check" => false,
        _ => return None,
    };
    let (data, ledger) = (given.next()?.into(), given.next()?.into());
    let seed = given.next()?.parse().ok()?;
    let batches = given.next().map_or(Some(0), |text| text.parse().ok())?;
    Some(Arguments { is_run, data, ledger, seed, batches })
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let seed = arguments.seed;
    let store = RocksStore::open(RocksOptions {
        block_cache_bytes: 1 << 20,
        write_buffer_bytes: WRITE_BUFFER_BYTES,
        reserve_bytes: 0,
        ..RocksOptions::new(&arguments.data)
    })
    .map_err(|error| format!("cannot open: {error}"))?;
    let mut writers = Vec::new();
    for number in 0..SHARDS {
        let shard = store.open_shard(ShardId(number)).map_err(|error| error.to_string())?;
        let ledger = Ledger::open(&arguments.ledger, number).map_err(|error| error.to_string())?;
        let done = verified(seed, number, &*shard.reader(), &ledger)?;
        println!("shard {number} is at batch {done}");
        writers.push((number, shard, ledger, done));
    }
    if !arguments.is_run {
        return Ok(());
    }
    std::thread::scope(|scope| {
        for (number, shard, ledger, done) in &mut writers {
            scope.spawn(move || {
                let written = write(seed, *number, &mut **shard, ledger, *done, arguments.batches);
                written.expect("the ledger can be written")
            });
        }
    });
    // After an injected error this fails too; what counts is what the ledger says.
    if let Err(error) = store.close() {
        eprintln!("closing: {error}");
    }
    Ok(())
}

fn main() -> ExitCode {
    let Some(arguments) = arguments() else {
        eprintln!(
            "usage: power_cut run DATA LEDGER SEED BATCHES | power_cut check DATA LEDGER SEED"
        );
        return ExitCode::from(2);
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            println!("{problem}");
            ExitCode::FAILURE
        }
    }
}
