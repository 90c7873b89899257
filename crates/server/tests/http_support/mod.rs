//! A server in a temporary directory, and a client that controls every byte.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::panic,
    reason = "part of several tests, each of which uses a part of it"
)]

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use sluice_server::config::{Config, ListenAddress};
use sluice_server::{Drained, Running, Server};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Longer than anything here takes, shorter than a hanging test.
const PATIENCE: Duration = Duration::from_secs(20);

/// Header lines of a JSON call, without the ones on the body.
pub const JSON: &str =
    "Host: localhost\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AmazonSQS.";

/// A running server; its directory goes with it.
pub struct TestServer {
    /// Runs the server.
    pub runtime: Runtime,
    /// Where it listens.
    pub addr: SocketAddr,
    running: Running,
    dir: TempDir,
}

impl TestServer {
    /// Starts with defaults.
    pub fn start() -> Self {
        Self::start_with(|_config| {})
    }

    /// Starts with some settings changed.
    pub fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_in(tempfile::tempdir().expect("a temporary directory"), change)
    }

    /// Starts in a directory that may have data.
    pub fn start_in(dir: TempDir, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::small(dir.path().join("data"));
        change(&mut config);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let running = runtime.block_on(Server::start(config)).expect("the server starts");
        let ListenAddress::Tcp(addr) = running.addresses()[0] else {
            panic!("the first listener is on TCP")
        };
        Self { addr, runtime, running, dir }
    }

    /// Opens a connection.
    pub fn connect(&self) -> Client {
        Client::connect(self.addr)
    }

    /// Where its listeners listen.
    pub fn addresses(&self) -> &[ListenAddress] {
        self.running.addresses()
    }

    /// Creates a queue, and returns its URL.
    pub fn create_queue(&self, name: &str) -> String {
        self.connect().create_queue(name)
    }

    /// Has the TLS files read anew.
    pub fn reload_tls(&self) {
        self.runtime.block_on(self.running.reload_tls());
    }

    /// Drains and stops.
    pub fn drain(self) -> Drained {
        self.runtime.block_on(self.running.drain())
    }

    /// Drains in the background; the result comes through the handle.
    pub fn start_drain(self) -> (Runtime, tokio::task::JoinHandle<Drained>, TempDir) {
        let drain = self.runtime.spawn(self.running.drain());
        (self.runtime, drain, self.dir)
    }
}

/// Parses a JSON answer.
pub fn json(answer: &Answer) -> serde_json::Value {
    serde_json::from_slice(&answer.body).expect("a JSON body")
}

/// One response.
#[derive(Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Names in lower case.
    pub headers: HashMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header, empty when absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A socket of the network or of the file system.
trait Socket: Read + Write + Send {
    fn wait_for_reads(&self, time: Duration);
    fn wait_for_writes(&self, time: Duration);
}

impl Socket for TcpStream {
    fn wait_for_reads(&self, time: Duration) {
        self.set_read_timeout(Some(time)).expect("a valid timeout");
    }

    fn wait_for_writes(&self, time: Duration) {
        self.set_write_timeout(Some(time)).expect("a valid timeout");
    }
}

impl Socket for UnixStream {
    fn wait_for_reads(&self, time: Duration) {
        self.set_read_timeout(Some(time)).expect("a valid timeout");
    }

    fn wait_for_writes(&self, time: Duration) {
        self.set_write_timeout(Some(time)).expect("a valid timeout");
    }
}

/// One connection; writes what it is told, reads responses.
pub struct Client {
    stream: Box<dyn Socket>,
    buffer: Vec<u8>,
}

impl Client {
    /// Opens a connection.
    pub fn connect(addr: SocketAddr) -> Self {
        Self::connect_at(&addr.into())
    }

    /// Opens a connection to any listener.
    pub fn connect_at(address: &ListenAddress) -> Self {
        let stream: Box<dyn Socket> = match address {
            ListenAddress::Tcp(address) => {
                Box::new(TcpStream::connect(address).expect("the server accepts"))
            }
            ListenAddress::Unix { path, .. } => {
                Box::new(UnixStream::connect(path).expect("the server accepts"))
            }
        };
        stream.wait_for_reads(PATIENCE);
        stream.wait_for_writes(PATIENCE);
        Self { stream, buffer: Vec::new() }
    }

    /// Writes bytes as they are.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).expect("the server reads");
    }

    /// Writes a JSON call.
    pub fn send_call(&mut self, operation: &str, body: &str) {
        let length = body.len();
        self.send(format!(
            "POST / HTTP/1.1\r\n{JSON}{operation}\r\nContent-Length: {length}\r\n\r\n{body}"
        ));
    }

    /// Makes a JSON call.
    pub fn call(&mut self, operation: &str, body: &str) -> Answer {
        self.send_call(operation, body);
        self.answer()
    }

    /// Creates a queue, and returns its URL.
    pub fn create_queue(&mut self, name: &str) -> String {
        let answer = self.call("CreateQueue", &format!("{{\"QueueName\":\"{name}\"}}"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        json(&answer)["QueueUrl"].as_str().expect("a queue URL").to_owned()
    }

    /// Makes a request without body.
    pub fn request(&mut self, method: &str, target: &str) -> Answer {
        self.send(format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        if method == "HEAD" { self.head_only() } else { self.answer() }
    }

    /// Reads one response; the body by its `Content-Length`.
    pub fn answer(&mut self) -> Answer {
        let mut answer = self.head_only();
        let length: usize = answer.header("content-length").parse().unwrap_or(0);
        while self.buffer.len() < length {
            assert!(self.read_more() > 0, "the body is cut off: {answer:?}");
        }
        answer.body = self.buffer.drain(..length).collect();
        answer
    }

    /// Reads the head of a response.
    pub fn head_only(&mut self) -> Answer {
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break at;
            }
            assert!(self.read_more() > 0, "closed instead of answered");
        };
        let head: Vec<u8> = self.buffer.drain(..end + 4).collect();
        let head = String::from_utf8(head).expect("heads are text");
        let mut lines = head.trim_end().split("\r\n");
        let status_line = lines.next().expect("a status line");
        let status = status_line.split(' ').nth(1).expect("a status").parse().expect("a number");
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Answer { status, headers, body: Vec::new() }
    }

    /// Waits for the server to close; everything must have been read before.
    pub fn expect_close(&mut self) {
        assert_eq!(self.read_more(), 0, "unexpected: {:?}", String::from_utf8_lossy(&self.buffer));
        assert!(self.buffer.is_empty(), "unread: {:?}", String::from_utf8_lossy(&self.buffer));
    }

    /// Whether anything arrives within this time.
    pub fn is_answered_within(&mut self, time: Duration) -> bool {
        self.stream.wait_for_reads(time);
        let mut byte = [0];
        let result = self.stream.read(&mut byte);
        self.stream.wait_for_reads(PATIENCE);
        self.buffer.extend(result.as_ref().map_or(&[][..], |length| &byte[..*length]));
        result.is_ok()
    }

    fn read_more(&mut self) -> usize {
        let mut chunk = [0; 16 * 1024];
        match self.stream.read(&mut chunk) {
            Ok(length) => {
                self.buffer.extend_from_slice(&chunk[..length]);
                length
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => 0,
            Err(error) => panic!("nothing arrives: {error}"),
        }
    }
}
