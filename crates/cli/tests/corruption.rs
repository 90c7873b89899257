//! Damage anywhere in a data directory, seen from outside: the server refuses to start and says what to do, or serves
//! nothing but what was sent; `sluice store check` finds what hits data.
//!
//! Each seed damages one file in one way. `SLUICE_TEST_SEEDS=1000` runs more of them, `SLUICE_TEST_SEED=17` runs one.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on should stop there"
)]

mod process_under_test;
mod support;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::{Client, Random, Server, copy_of, files_of, store, text};
use tempfile::TempDir;

const SEEDS_DEFAULT: u64 = 12;
/// Bytes that a failing disk loses at once.
const SECTOR_BYTES: usize = 512;
/// Receives of one queue at most; without damage a fifth of them is enough.
const RECEIVES_MAX: usize = 60;
/// Empty receives after which a queue counts as empty.
const EMPTY_MAX: usize = 3;
const QUEUES: [&str; 3] = ["plain", "fair", "jobs.fifo"];

/// What was sent and not deleted: body by queue and message.
type Content = HashMap<(String, String), String>;

fn send(client: &mut Client, url: &str, name: &str, number: usize, content: &mut Content) {
    let letters = "abcdefghijklmnopqrstuvwxyz0123456789";
    let mut random = Random(number as u64);
    let length = [10, 300, 800, 4_000][number % 4];
    let noise: String =
        (0..length).map(|_| letters.as_bytes()[random.below(letters.len())] as char).collect();
    let body = format!("{name} {number} {noise}");
    let mut input = json!({ "QueueUrl": url, "MessageBody": body });
    if name != "plain" {
        input["MessageGroupId"] = format!("group-{}", number % 5).into();
    }
    if name == "jobs.fifo" {
        input["MessageDeduplicationId"] = number.to_string().into();
    }
    let sent = client.call("SendMessage", &input).expect("the server works");
    content.insert((name.to_owned(), sent["MessageId"].to_string()), body);
}

/// A data directory with table files, blob files and a log. Some messages are deleted, some were received.
fn directory() -> (TempDir, Content) {
    let dir = tempfile::tempdir().expect("the test may write to the temporary directory");
    let mut content = Content::new();
    for session in 0..3 {
        let server = Server::start(dir.path()).unwrap_or_else(|output| panic!("{output:?}"));
        let mut client = server.client();
        for name in QUEUES {
            let fifo = [("FifoQueue", "true")];
            let url = client.create(name, if name == "jobs.fifo" { &fifo } else { &[] });
            for number in session * 30..(session + 1) * 30 {
                send(&mut client, &url, name, number, &mut content);
            }
            let received = client.receive(&url).expect("the server works");
            for (index, message) in received.iter().enumerate() {
                let mut input =
                    json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] });
                if index % 2 == 0 {
                    client.call("DeleteMessage", &input).expect("the server works");
                    content.remove(&(name.to_owned(), message["MessageId"].to_string()));
                } else {
                    input["VisibilityTimeout"] = 0.into();
                    client.call("ChangeMessageVisibility", &input).expect("the server works");
                }
            }
        }
        server.stop();
    }
    (dir, content)
}

/// The kind of a file: many files of one kind do not hide the few of another.
fn kind(path: &Path) -> String {
    let name = path.file_name().expect("it is a file").to_string_lossy();
    match path.extension() {
        Some(extension) if name.starts_with(|it: char| it.is_ascii_digit()) => {
            extension.to_string_lossy().into_owned()
        }
        _ => name.split('-').next().unwrap_or_default().to_owned(),
    }
}

/// Damages a directory as a seed says, and tells how.
fn inflict(path: &Path, seed: u64) -> String {
    let mut random = Random(seed);
    let files: Vec<PathBuf> = [files_of(path), files_of(&path.join("db"))].concat();
    let is_read = |file: &PathBuf| !kind(file).starts_with("LOG");
    let files: Vec<PathBuf> = files.into_iter().filter(is_read).collect();
    let mut kinds: Vec<String> = files.iter().map(|file| kind(file)).collect();
    kinds.sort();
    kinds.dedup();
    let chosen = &kinds[random.below(kinds.len())];
    let of_kind: Vec<&PathBuf> = files.iter().filter(|file| kind(file) == *chosen).collect();
    let file = of_kind[random.below(of_kind.len())];
    let mut bytes = fs::read(file).expect("the file can be read");
    let position = random.below(bytes.len());
    let what = match random.below(6) {
        0 => {
            fs::remove_file(file).expect("the file is there");
            return format!("{} deleted", file.display());
        }
        1 => {
            bytes.truncate(position);
            "cut"
        }
        2 => {
            let start = position / SECTOR_BYTES * SECTOR_BYTES;
            let end = bytes.len().min(start + SECTOR_BYTES);
            bytes[start..end].fill(0);
            "zeroed"
        }
        _ => {
            if let Some(byte) = bytes.get_mut(position) {
                *byte ^= 1 << random.below(8);
            }
            "flipped"
        }
    };
    fs::write(file, bytes).expect("the file can be written");
    format!("{} {what} at {position}", file.display())
}

/// Receives what there is, and compares every message. Returns how many there were, and how many requests failed.
fn read(client: &mut Client, content: &Content) -> Result<(usize, usize), String> {
    let (mut found, mut failed) = (HashMap::new(), 0);
    for name in QUEUES {
        let url = format!("http://localhost/000000000000/{name}");
        let mut empty = 0;
        for _ in 0..RECEIVES_MAX {
            if empty == EMPTY_MAX {
                break;
            }
            let received = match client.receive(&url) {
                Ok(received) => received,
                Err((status, text)) if status >= 500 => {
                    failed += 1;
                    if failed > RECEIVES_MAX {
                        return Err(format!("nothing but errors: {text}"));
                    }
                    continue;
                }
                Err(refusal) => return Err(format!("{name}: {refusal:?}")),
            };
            empty = if received.is_empty() { empty + 1 } else { 0 };
            for message in received {
                let key = (name.to_owned(), message["MessageId"].to_string());
                compare(content, &key, &message)?;
                let input = json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] });
                match client.call("DeleteMessage", &input) {
                    Ok(_) => drop(found.insert(key, ())),
                    Err((status, _)) if status >= 500 => failed += 1,
                    Err(refusal) => return Err(format!("{name}: {refusal:?}")),
                }
            }
        }
    }
    Ok((found.len(), failed))
}

fn compare(content: &Content, key: &(String, String), message: &Value) -> Result<(), String> {
    match content.get(key) {
        Some(body) if message["Body"] == **body => Ok(()),
        Some(_) => Err(format!("{key:?} is not what was sent")),
        None => Err(format!("{key:?} was deleted, or never sent")),
    }
}

fn run(dir: &Path, content: &Content, seed: u64) -> Result<(), String> {
    let copy = copy_of(dir);
    let damage = inflict(copy.path(), seed);
    let checked = store(&["check", "--data", text(copy.path())]);
    let findings = String::from_utf8_lossy(&[checked.stdout, checked.stderr].concat()).into_owned();
    let is_found = match checked.status.code() {
        Some(0) => false,
        Some(1 | 5) => true,
        other => {
            return Err(format!(
                "seed {seed}, {damage}: the check ended with {other:?}: {findings}"
            ));
        }
    };
    let outcome = serve(copy.path(), content);
    let context =
        |text: String| format!("seed {seed}, {damage}: {text}; the check said: {findings}");
    match outcome.map_err(context)? {
        _ if is_found => Ok(()),
        Some((found, 0)) if found == content.len() => Ok(()),
        other => Err(context(format!("{other:?} of {} served, and nothing found", content.len()))),
    }
}

/// Starts a server on a damaged directory. Returns what it served, if it did.
fn serve(path: &Path, content: &Content) -> Result<Option<(usize, usize)>, String> {
    let mut server = match Server::start(path) {
        Ok(server) => server,
        Err(output) => {
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            let helps = stderr.contains(text(path))
                && (stderr.contains("restore") || stderr.contains("choose"));
            return match (output.status.code(), helps) {
                (Some(4), true) => Ok(None),
                (code, _) => Err(format!("refused with {code:?} and {stderr}")),
            };
        }
    };
    let served =
        read(&mut server.client(), content).map_err(|text| format!("{text}; {}", server.log()))?;
    if !server.is_alive() {
        return Err(format!("the server ended: {}", server.log()));
    }
    let log = server.stop();
    let mut while_serving = log.lines().take_while(|line| !line.contains("draining"));
    let is_named = |line: &str| line.contains("ERROR") && line.contains(text(path));
    if served.1 > 0 && !while_serving.any(is_named) {
        return Err(format!("errors without the file in the log: {log}"));
    }
    Ok(Some(served))
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

#[test]
fn damage_is_refused_or_found_and_never_served() {
    let (dir, content) = directory();
    let whole = serve(copy_of(dir.path()).path(), &content);
    assert_eq!(whole, Ok(Some((content.len(), 0))));
    let seeds = match number("SLUICE_TEST_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SLUICE_TEST_SEEDS").unwrap_or(SEEDS_DEFAULT),
    };
    let failures: Vec<String> =
        seeds.filter_map(|seed| run(dir.path(), &content, seed).err()).collect();
    assert!(failures.is_empty(), "{failures:#?}");
}
