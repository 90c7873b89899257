//! A server as a process, and a client that speaks the JSON protocol over a plain connection.
#![allow(dead_code, reason = "each test binary uses some of it")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process_under_test::{run, sluice};

/// Runs `sluice store …` to its end.
pub(crate) fn store(arguments: &[&str]) -> Output {
    run(&[&["store"], arguments].concat())
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("temporary directories have plain names")
}

/// A server and where it is.
pub(crate) struct Server {
    child: Child,
    address: String,
    log: Arc<Mutex<String>>,
    /// Closed when the log is over.
    rest: Mutex<Receiver<()>>,
    _port: TempDir,
}

impl Server {
    /// Starts a server on a data directory, or returns what it said instead of starting.
    pub(crate) fn start(data: &Path) -> Result<Self, Output> {
        Self::start_with(data, |_| {})
    }

    /// The same with more flags, and other variables.
    pub(crate) fn start_with(data: &Path, more: impl FnOnce(&mut Command)) -> Result<Self, Output> {
        Self::run("dev", data, more)
    }

    /// The same of a server that is in use.
    pub(crate) fn serve_with(data: &Path, more: impl FnOnce(&mut Command)) -> Result<Self, Output> {
        Self::run("serve", data, more)
    }

    fn run(mode: &str, data: &Path, more: impl FnOnce(&mut Command)) -> Result<Self, Output> {
        let port = tempfile::tempdir().expect("the test may write to the temporary directory");
        let file = port.path().join("port");
        let mut command = sluice(&[mode, "--data", text(data), "--port-file", text(&file)]);
        command.env("SLUICE_LISTEN", "127.0.0.1:0");
        more(&mut command);
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary was built for this test");
        let pipe = child.stderr.take().expect("stderr is piped");
        let log = Arc::new(Mutex::new(String::new()));
        let rest = collect(pipe, Arc::clone(&log));
        if rest.recv().is_err() {
            let status = child.wait().expect("it is a child of this process");
            let stderr = log.lock().expect("nobody panicked").clone().into_bytes();
            return Err(Output { status, stdout: Vec::new(), stderr });
        }
        let address = std::fs::read_to_string(&file).expect("it is written before the banner");
        let (address, rest) = (address.trim().to_owned(), Mutex::new(rest));
        Ok(Self { child, address, log, rest, _port: port })
    }

    /// Host and port.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn client(&self) -> Client {
        Client { address: self.address.clone(), connection: None }
    }

    /// What it said so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("nobody panicked").clone()
    }

    /// Whether the process still runs.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("it is a child of this process").is_none()
    }

    /// Stops it in order; returns all that it said.
    pub(crate) fn stop(mut self) -> String {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").arg(pid).status().expect("kill is part of every Unix");
        assert!(sent.success());
        self.child.wait().expect("it is a child of this process");
        while self.rest.lock().expect("nobody panicked").recv().is_ok() {}
        self.log()
    }

    /// Ends it with SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it is a child of this process");
        self.child.wait().expect("it is a child of this process");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// How a server says that it is ready, to people and to programs.
const READY: [&str; 2] = ["Sluice is ready", "\"message\":\"ready\""];

/// Keeps what a server says, and tells when it is ready. The channel closes when it ends.
#[allow(
    clippy::disallowed_methods,
    reason = "a test reads the log of a server beside its own work"
)]
fn collect(pipe: impl Read + Send + 'static, log: Arc<Mutex<String>>) -> Receiver<()> {
    let (ready, is_ready) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if READY.iter().any(|ready| line.contains(ready)) {
                // Nobody listens the second time.
                ready.send(()).unwrap_or_default();
            }
            let mut log = log.lock().expect("nobody panicked");
            log.push_str(&line);
            log.push('\n');
        }
    });
    is_ready
}

/// A connection to a server.
pub(crate) struct Client {
    address: String,
    connection: Option<BufReader<TcpStream>>,
}

impl Client {
    /// Calls an operation of SQS: the answer, or status and body of an error.
    pub(crate) fn call(&mut self, operation: &str, input: &Value) -> Result<Value, (u16, String)> {
        self.call_target(&format!("AmazonSQS.{operation}"), input)
    }

    /// Calls an operation of KMS, which has to work.
    pub(crate) fn kms(&mut self, operation: &str, input: &Value) -> Value {
        self.call_target(&format!("TrentService.{operation}"), input).expect("KMS does it")
    }

    fn call_target(&mut self, target: &str, input: &Value) -> Result<Value, (u16, String)> {
        let body = input.to_string();
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-amz-json-1.0\r\n\
             X-Amz-Target: {target}\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let (status, text) = self.exchange(request.as_bytes());
        match status {
            200 if text.is_empty() => Ok(Value::Null),
            200 => Ok(serde_json::from_str(&text).expect("the server answers in JSON")),
            _ => Err((status, text)),
        }
    }

    pub(crate) fn get(&mut self, path: &str) -> (u16, String) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address);
        self.exchange(request.as_bytes())
    }

    /// Sends a request as it is; returns status and body of the answer.
    pub(crate) fn exchange(&mut self, request: &[u8]) -> (u16, String) {
        if self.connection.is_none() {
            let stream = TcpStream::connect(&self.address).expect("the server listens");
            stream.set_nodelay(true).expect("it is a TCP connection");
            self.connection = Some(BufReader::new(stream));
        }
        let connection = self.connection.as_mut().expect("it was just opened");
        connection.get_mut().write_all(request).expect("the server reads");
        let mut line = String::new();
        connection.read_line(&mut line).expect("the server answers");
        let status = line.split(' ').nth(1).and_then(|it| it.parse().ok()).unwrap_or(0);
        let (mut length, mut closes) = (0, false);
        loop {
            line.clear();
            connection.read_line(&mut line).expect("the server answers");
            let header = line.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length: ") {
                length = value.parse().unwrap_or(0);
            }
            closes |= header == "connection: close";
        }
        let mut body = vec![0; length];
        connection.read_exact(&mut body).expect("the server answers");
        if closes {
            self.connection = None;
        }
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    /// Creates a queue and returns its URL.
    pub(crate) fn create(&mut self, name: &str, attributes: &[(&str, &str)]) -> String {
        let attributes: BTreeMap<_, _> = attributes.iter().copied().collect();
        let input = json!({ "QueueName": name, "Attributes": attributes });
        let created = self.call("CreateQueue", &input).expect("the queue is as declared");
        created["QueueUrl"].as_str().expect("a queue has a URL").to_owned()
    }

    pub(crate) fn receive(&mut self, url: &str) -> Result<Vec<Value>, (u16, String)> {
        let input = json!({ "QueueUrl": url, "MaxNumberOfMessages": 10, "MessageSystemAttributeNames": ["All"] });
        let received = self.call("ReceiveMessage", &input)?;
        Ok(received["Messages"].as_array().cloned().unwrap_or_default())
    }
}

/// Copies a data directory that nobody uses.
pub(crate) fn copy_of(path: &Path) -> TempDir {
    let copy = tempfile::tempdir().expect("the test may write to the temporary directory");
    for directory in ["", "db"] {
        let target = copy.path().join(directory);
        std::fs::create_dir_all(&target).expect("the directory is new");
        for file in files_of(&path.join(directory)) {
            let name = file.file_name().expect("it is a file");
            std::fs::copy(&file, target.join(name)).expect("the file can be read");
        }
    }
    copy
}

/// The files of a directory, in order.
pub(crate) fn files_of(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).expect("it is a directory");
    let paths = entries.map(|entry| entry.expect("it can be listed").path());
    let mut files: Vec<PathBuf> = paths.filter(|path| path.is_file()).collect();
    files.sort();
    files
}

/// Numbers that look random (splitmix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).expect("it is below a usize")
    }
}
