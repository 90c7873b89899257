//! A data directory of an encrypted server with identities, KMS keys and a trail, which an earlier version wrote, is kept in the
//! repository, with the master key beside it: this version reads it and serves what is in it.
//!
//! `SLUICE_KEEP_DATA=1 cargo test --release -p sluice-server --test kept_secured_data` writes it anew; for when, see `kept_data.rs`.

mod http_support;

#[allow(dead_code, reason = "made for other tests; this one uses a part of it")]
#[path = "authorisation/client.rs"]
mod client;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};
use std::time::Duration;

use client::{ACCOUNT, Credentials, call, create_queue, done, root, unsigned, user, verifying};
use http_support::TestServer;
use serde_json::{Value, json as object};
use sluice_server::clock::{Clock, SystemClock, VirtualClock};
use sluice_server::config::{AuditConfig, Config, WhenFull};
use sluice_server::encryption::MasterKey;
use sluice_server::offline;
use sluice_server::services::Switch;
use tempfile::TempDir;

/// What encrypts each queue, and the message in it.
const QUEUES: [(&str, &str, &str); 3] = [
    ("clear", "SqsManagedSseEnabled=false", "read by anybody who has the disk"),
    ("managed", "SqsManagedSseEnabled=true", "sealed by the key of the server"),
    ("kms", "KmsMasterKeyId=alias/orders", "sealed by a key of KMS"),
];
const MINUTE_MS: u64 = 60 * 1_000;
/// What the key has encrypted besides, in base64: `kept`.
const PLAINTEXT: &str = "a2VwdA==";

fn kept(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/kept/v1-secured").join(name)
}

/// Writes it anew, if that is asked for; before any test reads it.
fn keep_once() {
    static KEPT: Once = Once::new();
    if std::env::var_os("SLUICE_KEEP_DATA").is_some() {
        KEPT.call_once(keep);
    }
}

fn keep() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let audit = tempfile::tempdir().expect("a temporary directory");
    let server = start(data, audit.path(), verifying);
    let made = fill(&server);
    let (runtime, drain, data) = server.start_drain();
    runtime.block_on(drain).expect("drained");
    let backup = kept("backup");
    if backup.exists() {
        fs::remove_dir_all(&backup).expect("nobody uses it");
    }
    offline::back_up(&data.path().join("data"), &backup).expect("a backup");
    fs::write(kept("made.json"), format!("{made:#}\n")).expect("written");
}

/// Makes what is kept; gives what only the one who made it knows.
fn fill(server: &TestServer) -> Value {
    let root = root(ACCOUNT);
    let key = done(server, &root, "CreateKey", &object!({})).member("/KeyMetadata/KeyId");
    done(
        server,
        &root,
        "CreateAlias",
        &object!({ "AliasName": "alias/orders", "TargetKeyId": key }),
    );
    done(server, &root, "EnableKeyRotation", &object!({ "KeyId": key }));
    let input = object!({ "KeyId": key, "Plaintext": PLAINTEXT });
    let ciphertext = done(server, &root, "Encrypt", &input).member("/CiphertextBlob");

    let allowed = object!([
        { "Effect": "Allow", "Action": ["sqs:*", "sts:AssumeRole"], "Resource": "*" },
        { "Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": "*" },
    ]);
    let ann = user(server, &root, "ann", &allowed);
    done(server, &root, "CreateGroup", &object!({ "GroupName": "readers" }));
    done(server, &root, "AddUserToGroup", &object!({ "GroupName": "readers", "UserName": "ann" }));
    let arn = "arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess";
    let input = object!({ "GroupName": "readers", "PolicyArn": arn });
    done(server, &root, "AttachGroupPolicy", &input);
    let trust =
        object!({ "Effect": "Allow", "Principal": { "AWS": "*" }, "Action": "sts:AssumeRole" });
    let trust = client::policy(&trust);
    let input = object!({ "RoleName": "worker", "AssumeRolePolicyDocument": trust });
    done(server, &root, "CreateRole", &input);
    done(server, &root, "AttachRolePolicy", &object!({ "RoleName": "worker", "PolicyArn": arn }));

    for (name, attribute, body) in QUEUES {
        let (attribute, value) = attribute.split_once('=').expect("both");
        let url = create_queue(server, &ann, name);
        let input = object!({ "QueueUrl": url, "Attributes": { attribute: value } });
        done(server, &ann, "SetQueueAttributes", &input);
        done(server, &ann, "SendMessage", &object!({ "QueueUrl": url, "MessageBody": body }));
    }
    done(server, &root, "CreateTrail", &object!({ "Name": "main", "S3BucketName": "bucket" }));
    done(server, &root, "StartLogging", &object!({ "Name": "main" }));
    object!({
        "at_ms": SystemClock.now_ms(),
        "ciphertext": ciphertext,
        "access_key_id": ann.id,
        "secret_access_key": ann.secret,
    })
}

/// A server with the master key and an audit log, on a directory that may have data.
fn start(data: TempDir, audit: &Path, change: impl FnOnce(&mut Config)) -> TestServer {
    let master_key = fs::read_to_string(kept("master.key")).expect("it is kept");
    TestServer::start_in(data, |config| {
        config.master_key = Some(MasterKey::parse(&master_key).expect("32 bytes"));
        config.audit = Some(AuditConfig {
            directory: audit.to_owned(),
            data_events: Switch::Off,
            when_full: WhenFull::Wait,
            file_bytes_max: 1 << 20,
            file_age_max: Duration::from_secs(3_600),
        });
        change(config);
    })
}

/// What is kept, restored; and what was written down of it.
fn restored() -> (TempDir, Value) {
    keep_once();
    let data = tempfile::tempdir().expect("a temporary directory");
    offline::restore(&kept("backup"), &data.path().join("data")).expect("restored");
    let made = fs::read_to_string(kept("made.json")).expect("it is kept");
    (data, serde_json::from_str(&made).expect("JSON"))
}

#[test]
fn kept_rows_are_sound() {
    let (data, _) = restored();
    let mut found = Vec::new();
    let checked = offline::check(&data.path().join("data"), &mut |finding| found.push(finding));
    let checked = checked.expect("readable");
    assert_eq!((found, checked.damages, checked.queues), (Vec::new(), 0, QUEUES.len() as u64));
}

#[test]
fn kept_messages_are_read() {
    let ((data, made), audit) = (restored(), tempfile::tempdir().expect("a temporary directory"));
    let at_ms = made["at_ms"].as_u64().expect("a time");
    // Not long after they were sent: messages do not live forever.
    let clock = Arc::new(VirtualClock::frozen_at(at_ms + MINUTE_MS));
    let server = start(data, audit.path(), |config| config.virtual_clock = Some(clock));
    for (name, _, body) in QUEUES {
        let url = unsigned(&server, "GetQueueUrl", &object!({ "QueueName": name }));
        let input = object!({ "QueueUrl": url.member("/QueueUrl") });
        let received = unsigned(&server, "ReceiveMessage", &input);
        assert_eq!(received.member("/Messages/0/Body"), body, "{name}: {}", received.text);
    }
}

#[test]
fn kept_identities_keys_and_trails_serve() {
    let ((data, made), audit) = (restored(), tempfile::tempdir().expect("a temporary directory"));
    let server = start(data, audit.path(), verifying);
    let (root, text) =
        (root(ACCOUNT), |name: &str| made[name].as_str().expect("a text").to_owned());
    let ann =
        Credentials { id: text("access_key_id"), secret: text("secret_access_key"), token: None };

    let who = done(&server, &ann, "GetCallerIdentity", &object!({}));
    assert_eq!(who.element("Arn"), format!("arn:aws:iam::{ACCOUNT}:user/ann"));
    assert_eq!(call(&server, &ann, "ListUsers", &object!({})).code, "AccessDenied");
    let groups = done(&server, &root, "ListGroupsForUser", &object!({ "UserName": "ann" }));
    assert_eq!(groups.element("GroupName"), "readers");
    let input = object!({
        "RoleArn": format!("arn:aws:iam::{ACCOUNT}:role/worker"), "RoleSessionName": "kept",
    });
    let assumed = done(&server, &ann, "AssumeRole", &input);
    let worker = Credentials {
        id: assumed.element("AccessKeyId"),
        secret: assumed.element("SecretAccessKey"),
        token: Some(assumed.element("SessionToken")),
    };
    let listed = done(&server, &worker, "ListQueues", &object!({}));
    let listed: Value = serde_json::from_str(&listed.text).expect("JSON");
    assert_eq!(listed["QueueUrls"].as_array().map(Vec::len), Some(QUEUES.len()));
    let refused = call(&server, &worker, "CreateQueue", &object!({ "QueueName": "new" }));
    assert_eq!(refused.code, "AccessDenied");

    let described = done(&server, &root, "DescribeKey", &object!({ "KeyId": "alias/orders" }));
    let key = described.member("/KeyMetadata/KeyId");
    let rotation = done(&server, &root, "GetKeyRotationStatus", &object!({ "KeyId": key }));
    assert!(rotation.text.contains("\"KeyRotationEnabled\":true"), "{}", rotation.text);
    let input = object!({ "CiphertextBlob": text("ciphertext") });
    assert_eq!(done(&server, &ann, "Decrypt", &input).member("/Plaintext"), PLAINTEXT);

    let status = done(&server, &root, "GetTrailStatus", &object!({ "Name": "main" }));
    assert!(status.text.contains("\"IsLogging\":true"), "{}", status.text);
}
