//! Backups of a server under load, restored and compared with what its clients know.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on should stop there"
)]

mod process_under_test;
mod support;

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use support::{Server, store, text};

const WRITERS: usize = 3;
const ROUNDS: usize = 3;
/// Sends between two backups.
const SENDS: usize = 150;

/// What the clients know of each message, by its body.
#[derive(Debug, Default, Clone)]
struct Ledger {
    sending: HashSet<String>,
    sent: HashSet<String>,
    deleting: HashSet<String>,
    deleted: HashSet<String>,
}

fn body(writer: usize, number: usize) -> String {
    format!("{writer} {number} {}", "x".repeat(number * 37 % 2_000))
}

fn write(server: &Server, url: &str, writer: usize, ledger: &Mutex<Ledger>, is_over: &AtomicBool) {
    let mut client = server.client();
    let mut numbers = 0..;
    while !is_over.load(Ordering::Acquire) {
        let body = body(writer, numbers.next().expect("there is no end"));
        ledger.lock().expect("nobody panicked").sending.insert(body.clone());
        let input = json!({ "QueueUrl": url, "MessageBody": body });
        client.call("SendMessage", &input).expect("the server works");
        ledger.lock().expect("nobody panicked").sent.insert(body);
    }
}

/// Deletes two of three messages that it receives.
fn consume(server: &Server, url: &str, ledger: &Mutex<Ledger>, is_over: &AtomicBool) {
    let mut client = server.client();
    while !is_over.load(Ordering::Acquire) {
        let received = client.receive(url).expect("the server works");
        for (index, message) in received.iter().enumerate().filter(|(index, _)| index % 3 > 0) {
            let body = message["Body"].as_str().expect("a message has a body").to_owned();
            ledger.lock().expect("nobody panicked").deleting.insert(body.clone());
            let input = json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] });
            client
                .call("DeleteMessage", &input)
                .unwrap_or_else(|error| panic!("{index}: {error:?}"));
            ledger.lock().expect("nobody panicked").deleted.insert(body);
        }
    }
}

/// Takes everything out of a queue.
fn drain(server: &Server, url: &str) -> HashSet<String> {
    let mut client = server.client();
    let mut found = HashSet::new();
    loop {
        for message in client.receive(url).expect("the server works") {
            found.insert(message["Body"].as_str().expect("a message has a body").to_owned());
            let input = json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] });
            client.call("DeleteMessage", &input).expect("the server works");
        }
        let names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
        let input = json!({ "QueueUrl": url, "AttributeNames": names });
        let counted = client.call("GetQueueAttributes", &input).expect("the server works");
        if names.iter().all(|name| counted["Attributes"][name] == "0") {
            return found;
        }
    }
}

#[test]
fn a_backup_under_load_has_what_was_acknowledged_and_not_what_was_deleted() {
    let parent = tempfile::tempdir().expect("the test may write to the temporary directory");
    let data = parent.path().join("data");
    let server = Server::start(&data).unwrap_or_else(|output| panic!("{output:?}"));
    let url = server.client().create("orders", &[("VisibilityTimeout", "1")]);
    let (ledger, is_over) = (Mutex::new(Ledger::default()), AtomicBool::new(false));
    let mut rounds = Vec::new();
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (server, url, ledger, is_over) = (&server, &url, &ledger, &is_over);
            scope.spawn(move || write(server, url, writer, ledger, is_over));
        }
        scope.spawn(|| consume(&server, &url, &ledger, &is_over));
        for round in 0..ROUNDS {
            while ledger.lock().expect("nobody panicked").sent.len() < SENDS * (round + 1) {
                std::thread::yield_now();
            }
            let target = parent.path().join(format!("backup-{round}"));
            let before = ledger.lock().expect("nobody panicked").clone();
            let output = store(&["backup", text(&target), "--data", text(&data)]);
            assert_eq!(output.status.code(), Some(0), "{output:?}");
            let after = ledger.lock().expect("nobody panicked").clone();
            rounds.push((target, before, after));
        }
        is_over.store(true, Ordering::Release);
    });
    server.kill();
    for (index, (target, before, after)) in rounds.into_iter().enumerate() {
        let restored = parent.path().join(format!("restored-{index}"));
        let output = store(&["restore", text(&target), "--data", text(&restored)]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let output = store(&["check", "--data", text(&restored)]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let server = Server::start(&restored).unwrap_or_else(|output| panic!("{output:?}"));
        let found = drain(&server, &url);
        server.stop();
        let lost: Vec<_> =
            before.sent.difference(&after.deleting).filter(|it| !found.contains(*it)).collect();
        assert!(
            lost.is_empty(),
            "{lost:?} were acknowledged before backup {index} and not deleted"
        );
        let risen: Vec<_> = found.intersection(&before.deleted).collect();
        assert!(risen.is_empty(), "{risen:?} were deleted before backup {index}");
        let strange: Vec<_> = found.difference(&after.sending).collect();
        assert!(strange.is_empty(), "{strange:?} were never sent");
    }
}

#[test]
fn a_backup_is_refused_where_it_would_harm() {
    let parent = tempfile::tempdir().expect("the test may write to the temporary directory");
    let (data, target) = (parent.path().join("data"), parent.path().join("backup"));
    let server = Server::start(&data).unwrap_or_else(|output| panic!("{output:?}"));
    server.client().create("orders", &[]);
    std::fs::create_dir(&target).expect("it is new");
    std::fs::write(target.join("thesis.txt"), "irreplaceable").expect("it is new");
    let refused = |arguments: &[&str], said: &str| {
        let output = store(arguments);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains(said), "{stderr}");
    };
    refused(&["backup", text(&target), "--data", text(&data)], "is not an empty directory");
    refused(
        &["backup", text(&target), "--data", text(&parent.path().join("x"))],
        "is not an empty",
    );
    refused(
        &["backup", text(&parent.path().join("y")), "--data", text(&parent.path().join("x"))],
        "there is no data directory",
    );
    refused(&["check", "--data", text(&data)], "in use by another process");
    let nowhere = parent.path().join("no/where");
    refused(&["backup", text(&nowhere), "--data", text(&data)], "cannot create directory");
    std::fs::remove_file(target.join("thesis.txt")).expect("it is still there");
    let output = store(&["backup", text(&target), "--data", text(&data)]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    server.stop();
    refused(&["restore", text(&target), "--data", text(&data)], "is not an empty directory");
    let Err(output) = Server::start(&target) else { panic!("a backup was opened to be served") };
    assert!(String::from_utf8_lossy(&output.stderr).contains("is a backup"), "{output:?}");
    std::fs::write(target.join("FORMAT"), "sluice").expect("it is there");
    let output = store(&["restore", text(&target), "--data", text(&parent.path().join("z"))]);
    assert_eq!(output.status.code(), Some(5), "{output:?}");
}
