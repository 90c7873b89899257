//! The administrator's access key: made at the first start of `serve`, shown once, and replaced by a file.

#![expect(clippy::expect_used, reason = "a test that cannot start the binary should stop there")]

mod process_under_test;
mod support;

use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use process_under_test::{sluice, stderr};
use serde_json::Value;
use support::{Server, text};

const ROOT: &str = "arn:aws:iam::000000000000:root";

/// The variables of an access key that a log shows, of every time that it does.
fn shown(log: &str) -> Vec<(String, String)> {
    let exported =
        log.lines().filter_map(|line| line.trim().strip_prefix("export ")?.split_once('='));
    let of_key =
        exported.filter(|(name, _)| ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].contains(name));
    of_key.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn start(data: &Path, more: impl FnOnce(&mut Command)) -> Server {
    Server::serve_with(data, more).expect("it starts")
}

fn whoami(server: &Server, variables: &[(String, String)]) -> Output {
    let endpoint = format!("http://{}", server.address());
    let mut command = sluice(&["whoami", "--endpoint", &endpoint, "--output", "json"]);
    command.env_remove("AWS_SESSION_TOKEN").envs(variables.iter().cloned());
    command.output().expect("the binary was built for this test")
}

fn assert_is_root(server: &Server, variables: &[(String, String)]) {
    let output = whoami(server, variables);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let who: Value = serde_json::from_slice(&output.stdout).expect("this is JSON");
    assert_eq!(who["Arn"], ROOT);
}

fn assert_is_nobody(server: &Server, variables: &[(String, String)]) {
    let output = whoami(server, variables);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("InvalidClientTokenId"), "{}", stderr(&output));
}

/// A file with an access key, and the key as variables.
fn credentials_file(directory: &Path) -> (PathBuf, Vec<(String, String)>) {
    let key = [
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ];
    let variables = key.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let lines = key.map(|(name, value)| format!("{name}={value}\n")).concat();
    let path = directory.join("root");
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    std::io::Write::write_all(&mut file.expect("the directory is there"), lines.as_bytes())
        .expect("there is space");
    (path, variables)
}

#[test]
fn the_key_of_the_administrator_is_shown_once_and_works_until_a_file_replaces_it() {
    let directory = tempfile::tempdir().expect("the test may write to the temporary directory");
    let data = directory.path().join("data");
    let first = start(&data, |_| {}).stop();
    let key = shown(&first);
    let names: Vec<&str> = key.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"], "{first}");
    for (_, value) in &key {
        assert_eq!(first.matches(value.as_str()).count(), 1, "{first}");
    }

    let server = start(&data, |_| {});
    assert_is_root(&server, &key);
    let guessed = [key[0].clone(), (key[1].0.clone(), "wrong".to_owned())];
    let refused = whoami(&server, &guessed);
    assert!(stderr(&refused).contains("SignatureDoesNotMatch"), "{}", stderr(&refused));
    let second = server.stop();
    assert!(!second.contains(&key[1].1) && !second.contains("ACCESS_KEY"), "{second}");

    let (file, given) = credentials_file(directory.path());
    let server = start(&data, |command| {
        command.args(["--root-credentials-file", text(&file)]);
    });
    assert_is_root(&server, &given);
    assert_is_nobody(&server, &key);
    let third = server.stop();
    assert!(!third.contains(&given[1].1) && !third.contains("ACCESS_KEY"), "{third}");

    let server = start(&data, |_| {});
    assert_is_root(&server, &given);
    assert_is_nobody(&server, &key);
    assert!(shown(&server.stop()).is_empty(), "the one of the file stays");
}

#[test]
fn what_collects_events_does_not_get_the_key_of_the_administrator() {
    let directory = tempfile::tempdir().expect("the test may write to the temporary directory");
    let data = directory.path().join("data");
    let log = start(&data, |command| {
        command.args(["--log-format", "json", "--log-level", "trace"]);
    });
    let log = log.stop();
    let key = shown(&log);
    assert_eq!(key.len(), 2, "{log}");
    let is_event = |line: &&str| serde_json::from_str::<Value>(line).is_ok();
    let events: Vec<&str> = log.lines().filter(is_event).collect();
    assert!(events.iter().any(|event| event.contains("\"ready\"")), "{log}");
    for event in events {
        assert!(key.iter().all(|(_, value)| !event.contains(value.as_str())), "{event}");
    }
    let server = start(&data, |_| {});
    assert_is_root(&server, &key);
}

#[test]
fn with_a_file_no_key_is_made() {
    let directory = tempfile::tempdir().expect("the test may write to the temporary directory");
    let (file, given) = credentials_file(directory.path());
    let server = start(&directory.path().join("data"), |command| {
        command.args(["--root-credentials-file", text(&file)]);
    });
    assert_is_root(&server, &given);
    assert!(shown(&server.stop()).is_empty());
}
