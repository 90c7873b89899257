//! A master key that a KMS keeps: another server of this binary plays the KMS.

#![expect(clippy::expect_used, reason = "a test that cannot start the binary should stop there")]

mod process_under_test;
mod support;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use process_under_test::{signal, sluice, stderr};
use serde_json::{Value, json};
use support::{Client, Server, text};
use tempfile::TempDir;

const CREDENTIALS: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];

/// A KMS with a key, and a file with a ciphertext of it.
struct Kms {
    root: TempDir,
    server: Server,
    key: String,
}

impl Kms {
    fn start() -> Self {
        let root = tempfile::tempdir().expect("the test may write to the temporary directory");
        let server = Server::start(&root.path().join("kms")).expect("it starts");
        let created = server.client().kms("CreateKey", &json!({}));
        let key = created["KeyMetadata"]["KeyId"].as_str().expect("an id").to_owned();
        Self { root, server, key }
    }

    fn client(&self) -> Client {
        self.server.client()
    }

    fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    fn data(&self) -> PathBuf {
        self.root.path().join("data")
    }

    /// A file with a data key of so many bytes, encrypted.
    fn file(&self, bytes: u32) -> PathBuf {
        let input = json!({ "KeyId": self.key, "NumberOfBytes": bytes });
        let made = self.client().kms("GenerateDataKeyWithoutPlaintext", &input);
        let path = self.root.path().join(format!("master-{bytes}.key"));
        let ciphertext = made["CiphertextBlob"].as_str().expect("base64");
        std::fs::write(&path, format!("{ciphertext}\n")).expect("the directory is there");
        path
    }

    /// Starts a server whose master key this KMS decrypts.
    fn start_with(&self, file: &Path, variables: &[(&str, &str)]) -> Result<Server, Output> {
        Server::start_with(&self.data(), |command| configure(command, file, &self.url(), variables))
    }
}

fn configure(command: &mut Command, file: &Path, url: &str, variables: &[(&str, &str)]) {
    command.args(["--master-key-file", text(file), "--master-key-kms-endpoint", url]);
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied());
}

fn refusal(started: Result<Server, Output>, code: i32) -> String {
    let output = started.err().expect("it does not start");
    assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
    stderr(&output)
}

#[test]
fn a_kms_decrypts_the_master_key_at_each_start() {
    let kms = Kms::start();
    let file = kms.file(32);
    let server = kms.start_with(&file, &CREDENTIALS).expect("the KMS decrypts it");
    let mut client = server.client();
    let queue = client.create("secrets", &[]);
    let sent = client.call("SendMessage", &json!({ "QueueUrl": queue, "MessageBody": "hidden" }));
    sent.expect("the queue is there");
    let log = server.stop();
    assert!(log.contains(&format!("decrypted by {}", kms.url())), "{log}");

    kms.client().kms("DisableKey", &json!({ "KeyId": kms.key }));
    let told = refusal(kms.start_with(&file, &CREDENTIALS), 4);
    assert!(told.contains("DisabledException") && told.contains("master-32.key"), "{told}");
    kms.client().kms("EnableKey", &json!({ "KeyId": kms.key }));
    let server = kms.start_with(&file, &CREDENTIALS).expect("the key is enabled again");
    let received = server.client().receive(&queue).expect("the queue is there");
    let bodies: Vec<_> = received.iter().map(|message| &message["Body"]).collect();
    assert_eq!(bodies, [&Value::from("hidden")]);
    server.stop();
}

#[test]
fn what_a_kms_cannot_help_with_is_told() {
    let kms = Kms::start();
    let file = kms.file(32);
    let told = refusal(kms.start_with(&file, &[]), 2);
    assert!(told.contains("wants AWS_ACCESS_KEY_ID"), "{told}");
    let told = refusal(kms.start_with(&kms.file(24), &CREDENTIALS), 2);
    assert!(told.contains("no key of 32 random bytes"), "{told}");
    let other = kms.root.path().join("other.key");
    std::fs::write(&other, "A".repeat(200)).expect("the directory is there");
    let told = refusal(kms.start_with(&other, &CREDENTIALS), 4);
    assert!(told.contains("did not decrypt it: InvalidCiphertextException"), "{told}");
    assert!(!kms.data().exists(), "nothing was begun");
}

#[test]
fn a_kms_that_comes_later_is_waited_for() {
    let kms = Kms::start();
    let (file, url, data) = (kms.file(32), kms.url(), kms.data());
    let address = kms.server.address().to_owned();
    let Kms { root, server, .. } = kms;
    server.stop();

    let mut command = sluice(&["dev", "--listen", "127.0.0.1:0", "--data", text(&data)]);
    configure(&mut command, &file, &url, &CREDENTIALS);
    let command = command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary was built for this test");
    let pipe = child.stderr.take().expect("stderr is piped");
    let mut lines = BufReader::new(pipe).lines().map_while(Result::ok);
    let is_waiting = lines.any(|line| line.contains("the KMS does not answer, trying again in 1s"));
    assert!(is_waiting, "it ended");
    let server = Server::start_with(&root.path().join("kms"), |command| {
        command.env("SLUICE_LISTEN", &address);
    });
    let server = server.expect("it starts again");
    assert!(lines.any(|line| line.contains("Sluice is ready")), "it ended");
    signal(&child, "-TERM");
    assert!(child.wait().expect("it was started here").success());
    server.stop();
}
