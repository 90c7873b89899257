//! Encryption at rest, from the outside: what clients see, and what whoever gets the disk or a backup finds.
//!
//! Bodies are made of random letters, so that compression leaves them as they are, and the search has to find those of a queue that
//! is not encrypted.

mod http_support;

use std::path::Path;

use http_support::{TestServer, json};
use md5::Md5;
use serde_json::{Value, json as object};
use sha2::{Digest, Sha256};
use sluice_server::config::{Access, Config, RootCredentials};
use sluice_server::encryption::MasterKey;
use sluice_server::identities::Secret;
use sluice_server::{Server, offline};
use tempfile::TempDir;
use uuid::Uuid;

const KEY: &str = "3q2+796tvu/erb7v3q2+796tvu/erb7v3q2+796tvu8=";
const ROOT_KEY: &str = "AKIAENCRYPTEDATREST1";
const OTHER_KEY: &str = "4q2+796tvu/erb7v3q2+796tvu/erb7v3q2+796tvu8=";

fn with_key(key: &str) -> impl FnOnce(&mut Config) {
    let key = MasterKey::parse(key).expect("32 bytes");
    |config| config.master_key = Some(key)
}

fn start_on(data: &Path, key: &str) -> TestServer {
    TestServer::start_with(|config| {
        with_key(key)(config);
        data.clone_into(&mut config.data_dir);
    })
}

fn call(server: &TestServer, operation: &str, input: &Value) -> Value {
    let answer = server.connect().call(operation, &input.to_string());
    assert_eq!(answer.status, 200, "{operation}: {}", answer.text());
    if answer.body.is_empty() { Value::Null } else { json(&answer) }
}

fn create(server: &TestServer, name: &str, attributes: &Value) -> String {
    let input = object!({ "QueueName": name, "Attributes": attributes });
    call(server, "CreateQueue", &input)["QueueUrl"].as_str().expect("a URL").to_owned()
}

fn send(server: &TestServer, url: &str, body: &str) {
    let sent = call(server, "SendMessage", &object!({ "QueueUrl": url, "MessageBody": body }));
    assert_eq!(sent["MD5OfMessageBody"], hex(&Md5::digest(body)));
}

/// The bodies of up to ten messages, with checksums that fit them.
fn receive(server: &TestServer, url: &str, visibility_timeout: u32) -> Vec<String> {
    let input = object!({
        "QueueUrl": url, "MaxNumberOfMessages": 10, "VisibilityTimeout": visibility_timeout,
    });
    let received = call(server, "ReceiveMessage", &input);
    let messages = received["Messages"].as_array().cloned().unwrap_or_default();
    let body = |message: &Value| {
        let body = message["Body"].as_str().expect("a body").to_owned();
        assert_eq!(message["MD5OfBody"], hex(&Md5::digest(&body)));
        body
    };
    let mut bodies: Vec<String> = messages.iter().map(body).collect();
    bodies.sort();
    bodies
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn arn(name: &str) -> String {
    format!("arn:aws:sqs:us-east-1:000000000000:{name}")
}

/// A body that no other is like.
fn secret() -> String {
    Uuid::new_v4().to_string()
}

/// Whether any file in a directory holds these bytes.
fn holds(directory: &Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(directory).expect("a directory").any(|entry| {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            return holds(&path, bytes);
        }
        // Sockets and locks cannot be read, and hold nothing.
        let content = std::fs::read(&path).unwrap_or_default();
        content.windows(bytes.len()).any(|window| window == bytes)
    })
}

/// Whether a directory holds a body, or what tells of it.
fn tells_of(directory: &Path, body: &str) -> bool {
    let (md5, sha256) = (Md5::digest(body), Sha256::digest(body));
    let scoped = Sha256::digest(format!("\0{}\0", hex(&sha256)));
    [
        body.as_bytes(),
        &md5,
        hex(&md5).as_bytes(),
        &sha256,
        hex(&sha256).as_bytes(),
        // The key that deduplication would be stored under.
        &scoped[..16],
    ]
    .iter()
    .any(|bytes| holds(directory, bytes))
}

#[test]
fn whoever_gets_disk_log_or_backup_finds_no_body_and_nothing_that_tells_of_one() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let (data, backup) = (root.path().join("data"), root.path().join("backup"));
    let server = start_on(&data, KEY);
    let plain = create(&server, "plain", &object!({ "SqsManagedSseEnabled": "false" }));
    let managed = create(&server, "managed", &object!({}));
    let kms = create(&server, "kms", &object!({ "KmsMasterKeyId": "alias/aws/sqs" }));
    let content = object!({ "FifoQueue": "true", "ContentBasedDeduplication": "true" });
    let fifo = create(&server, "content.fifo", &content);
    let (open, hidden) = (secret(), [secret(), secret(), secret(), secret().repeat(2_000)]);
    send(&server, &plain, &open);
    send(&server, &managed, &hidden[0]);
    send(&server, &kms, &hidden[1]);
    let input = object!({ "QueueUrl": fifo, "MessageBody": hidden[2], "MessageGroupId": "g" });
    call(&server, "SendMessage", &input);
    send(&server, &managed, &hidden[3]);

    offline::back_up(&data, &backup).expect("a backup of a server that runs");
    for directory in [&data, &backup] {
        assert!(tells_of(directory, &open), "the search works");
        assert!(hidden.iter().all(|body| !tells_of(directory, body)));
    }
    assert_eq!(receive(&server, &plain, 0), [open.as_str()]);
    assert_eq!(receive(&server, &kms, 0), [hidden[1].as_str()]);
    assert_eq!(receive(&server, &managed, 0).len(), 2);
    server.drain();
    assert!(hidden.iter().all(|body| !tells_of(&data, body)), "tables of a closed store");

    let mut found = Vec::new();
    offline::check(&data, &mut |finding| found.push(finding)).expect("readable");
    assert_eq!(found, [], "the check needs no key");
}

/// Starts a server and stops it again.
fn started_with(data: &Path, key: Option<&str>, previous: Option<&str>) -> Result<(), String> {
    let parse = |key| MasterKey::parse(key).expect("32 bytes");
    let (master_key, previous_master_key) = (key.map(parse), previous.map(parse));
    let config = Config { master_key, previous_master_key, ..Config::small(data) };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let started = runtime.block_on(Server::start(config));
    let drained = started.map(|running| runtime.block_on(running.drain()));
    drained.map(|_| ()).map_err(|error| error.to_string())
}

#[test]
fn a_start_with_both_changes_the_master_key_and_everything_is_read() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let data = dir.path().join("data");
    let body = secret();
    let server = start_on(&data, KEY);
    let url = create(&server, "q", &object!({}));
    send(&server, &url, &body);
    server.drain();
    assert_eq!(started_with(&data, Some(OTHER_KEY), Some(KEY)), Ok(()));
    assert!(started_with(&data, Some(KEY), None).is_err(), "it opens nothing any more");
    let server = start_on(&data, OTHER_KEY);
    let url = create(&server, "q", &object!({}));
    assert_eq!(receive(&server, &url, 0), [body]);
}

/// A server that verifies, with an access key for its root.
fn start_with_root(data: &Path, key: Option<&str>, secret: &str) -> TestServer {
    TestServer::start_with(|config| {
        config.master_key = key.map(|key| MasterKey::parse(key).expect("32 bytes"));
        data.clone_into(&mut config.data_dir);
        config.access = Access::Verified;
        config.root_credentials = vec![RootCredentials {
            account: None,
            access_key_id: ROOT_KEY.to_owned(),
            secret: Secret::new(secret.to_owned()),
        }];
    })
}

#[test]
fn whoever_gets_the_disk_of_an_encrypted_server_finds_no_secret_of_an_access_key() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (data, backup) = (dir.path().join("data"), dir.path().join("backup"));
    let (first, second) = (secret(), secret());
    start_with_root(&data, None, &first).drain();
    assert!(holds(&data, first.as_bytes()), "the search works");
    start_with_root(&data, Some(KEY), &first).drain();
    offline::back_up(&data, &backup).expect("a backup");
    offline::check(&data, &mut |finding| panic!("{finding:?}")).expect("readable");
    start_with_root(&data, Some(KEY), &second).drain();
    for secret in [&first, &second] {
        assert!(!holds(&data, secret.as_bytes()) && !holds(&backup, secret.as_bytes()));
    }
    assert_eq!(started_with(&data, Some(OTHER_KEY), Some(KEY)), Ok(()), "sealed by the same key");
}

#[test]
fn without_its_master_key_a_data_directory_is_not_served() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let data = dir.path().join("data");
    let start = |key: Option<&str>| started_with(&data, key, None);
    assert_eq!(start(None), Ok(()), "nothing is encrypted yet");
    assert_eq!(start(Some(KEY)), Ok(()));
    assert_eq!(start(Some(KEY)), Ok(()));
    let fingerprint = MasterKey::parse(KEY).expect("32 bytes").fingerprint();
    for key in [None, Some(OTHER_KEY)] {
        let error = start(key).expect_err("refused");
        assert!(error.contains(&fingerprint) && error.contains("master_key_file"), "{error}");
        assert!(!error.contains(KEY) && !error.contains(OTHER_KEY), "{error}");
    }
    assert_eq!(start(Some(KEY)), Ok(()), "a refused start changes nothing");
}

/// Restarts a server on the same data.
fn restarted(server: TestServer) -> TestServer {
    let (runtime, drain, dir) = server.start_drain();
    runtime.block_on(drain).expect("drained");
    TestServer::start_in(dir, with_key(KEY))
}

#[test]
fn encryption_is_switched_on_and_off_without_rewriting() {
    let server = TestServer::start_with(with_key(KEY));
    let url = create(&server, "q", &object!({}));
    let switch = |is_on: &str| {
        let attributes = object!({ "SqsManagedSseEnabled": is_on });
        call(
            &server,
            "SetQueueAttributes",
            &object!({ "QueueUrl": url, "Attributes": attributes }),
        );
    };
    let mut bodies = [secret(), secret(), secret()];
    send(&server, &url, &bodies[0]);
    switch("false");
    send(&server, &url, &bodies[1]);
    switch("true");
    send(&server, &url, &bodies[2]);
    bodies.sort();
    assert_eq!(receive(&server, &url, 0), bodies);
    let server = restarted(server);
    assert_eq!(receive(&server, &url, 0), bodies);
    server.drain();
}

#[test]
fn an_encrypted_message_is_read_wherever_it_moves() {
    let server = TestServer::start_with(with_key(KEY));
    let off = object!({ "SqsManagedSseEnabled": "false" });
    let dead = create(&server, "dead", &off);
    let policy = object!({ "deadLetterTargetArn": arn("dead"), "maxReceiveCount": "1" });
    let source = create(&server, "source", &object!({ "RedrivePolicy": policy.to_string() }));
    let other = create(&server, "other", &off);
    let body = secret();
    send(&server, &source, &body);
    assert_eq!(receive(&server, &source, 0), [body.as_str()]);
    assert!(receive(&server, &source, 0).is_empty(), "it moves");
    assert_eq!(receive(&server, &dead, 0), [body.as_str()]);
    let task = object!({ "SourceArn": arn("dead"), "DestinationArn": arn("other") });
    call(&server, "StartMessageMoveTask", &task);
    let wait = object!({ "QueueUrl": other, "WaitTimeSeconds": 20, "VisibilityTimeout": 0 });
    let moved = call(&server, "ReceiveMessage", &wait);
    assert_eq!(moved["Messages"][0]["Body"], body);
    let server = restarted(server);
    assert_eq!(receive(&server, &other, 0), [body.as_str()]);
    server.drain();
}

#[test]
fn deduplication_by_content_is_as_without_encryption() {
    let server = TestServer::start_with(with_key(KEY));
    let content = object!({ "FifoQueue": "true", "ContentBasedDeduplication": "true" });
    let url = create(&server, "q.fifo", &content);
    let body = secret();
    let hash = hex(&Sha256::digest(&body));
    let send = |server: &TestServer, body: &str, id: Option<&str>| {
        let mut input = object!({ "QueueUrl": url, "MessageBody": body, "MessageGroupId": "g" });
        if let Some(id) = id {
            input["MessageDeduplicationId"] = id.into();
        }
        call(server, "SendMessage", &input)["SequenceNumber"].clone()
    };
    let first = send(&server, &body, None);
    assert_eq!(send(&server, &body, None), first);
    assert_eq!(send(&server, "another", Some(&hash)), first, "the id that the body makes");
    let server = restarted(server);
    assert_eq!(send(&server, &body, None), first);
    let all = object!({ "QueueUrl": url, "MessageSystemAttributeNames": ["All"] });
    let received = call(&server, "ReceiveMessage", &all);
    assert_eq!(received["Messages"].as_array().map(Vec::len), Some(1));
    assert_eq!(received["Messages"][0]["Body"], body);
    assert_eq!(received["Messages"][0]["Attributes"]["MessageDeduplicationId"], hash);
    server.drain();
}

#[test]
fn an_encrypted_queue_wants_signatures_whatever_its_policy_allows() {
    let statement = object!({
        "Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "*",
    });
    let policy = object!({ "Version": "2012-10-17", "Statement": statement }).to_string();
    let dir: TempDir = tempfile::tempdir().expect("a temporary directory");
    // Queues are made while nobody has to sign.
    let server = TestServer::start_in(dir, with_key(KEY));
    let attributes = |is_on: &str| object!({ "Policy": policy, "SqsManagedSseEnabled": is_on });
    let (on, off) =
        (create(&server, "on", &attributes("true")), create(&server, "off", &attributes("false")));
    let (runtime, drain, dir) = server.start_drain();
    runtime.block_on(drain).expect("drained");
    let server = TestServer::start_in(dir, |config| {
        with_key(KEY)(config);
        config.access = Access::Verified;
    });
    let send = |url: &str| object!({ "QueueUrl": url, "MessageBody": "hello" });
    let entries = object!([{ "Id": "a", "MessageBody": "hello" }]);
    let batch = |url: &str| object!({ "QueueUrl": url, "Entries": entries });
    let receive = |url: &str| object!({ "QueueUrl": url });
    for (operation, input) in [
        ("SendMessage", &send as &dyn Fn(&str) -> Value),
        ("SendMessageBatch", &batch),
        ("ReceiveMessage", &receive),
    ] {
        let refused = server.connect().call(operation, &input(&on).to_string());
        assert_eq!(
            (refused.status, refused.header("x-amzn-query-error")),
            (403, "InvalidSecurity;Sender")
        );
        let text = "All requests to this queue must use HTTPS and SigV4.";
        assert_eq!(json(&refused)["message"], text, "{operation}");
        call(&server, operation, &input(&off));
    }
    server.drain();
}
