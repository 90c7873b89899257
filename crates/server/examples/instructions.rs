//! What `cargo xtask instructions` runs under valgrind: life cycles of messages on one connection to a server in the same
//! process, over a store in memory.
//!
//! The server runs on the client's thread, but for the shards, which have their own as always. Valgrind tells by their
//! names what [`sends`], [`receives`] and [`deletes`] cost on this thread; what a client needs is small beside that.

#![expect(clippy::panic, reason = "a case that fails has no count")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use sluice_server::Server;
use sluice_server::clock::{Clock, SystemClock, VirtualClock};
use sluice_server::config::{Access, Config, HttpLimits, RootCredentials};
use sluice_server::identities::Secret;
use sluice_server::services::Switch;
use sluice_store::MemoryStore;
use sluice_wire::{SigningIdentity, SigningRequest, sign};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

/// That of `sluice`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BODY_BYTES: usize = 1024;
/// Access key of the root: id and secret.
const ROOT: (&str, &str) = ("AKIAINSTRUCTIONCOUNT", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
const ANSWER_BYTES_MAX: usize = 64 * 1024;
const USAGE: &str = "usage: instructions json|query|signed standard|fifo GROUPS BATCH CYCLES";
const HOST: &str = "127.0.0.1:9324";

/// What the messages of a run have in common.
struct Load {
    protocol: Protocol,
    queue: &'static str,
    groups: usize,
    batch: usize,
    /// Who signs, if it is not the root: id and secret of an access key.
    user: Option<(String, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Json,
    Query,
    /// JSON, to a server that verifies signatures and asks policies.
    Signed,
}

/// One connection, and the runtime that both of its ends live on.
struct Connection {
    runtime: Runtime,
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Bytes of the last answer, in the buffer.
    filled: usize,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [protocol, kind, groups, batch, cycles] = arguments.as_slice() else { panic!("{USAGE}") };
    let mut load = Load {
        protocol: match *protocol {
            "query" => Protocol::Query,
            "signed" => Protocol::Signed,
            _ => Protocol::Json,
        },
        queue: if *kind == "fifo" { "queue.fifo" } else { "queue" },
        groups: number(groups),
        batch: number(batch),
        user: None,
    };
    let mut connection = Connection::open(load.protocol);
    connection.exchange(&create_queue(&load));
    if load.protocol == Protocol::Signed {
        load.user = Some(user(&mut connection));
    }
    for turn in 0..number(cycles) {
        sends(&mut connection, &send(&load, turn));
        receives(&mut connection, &receive(&load));
        let handles = connection.receipt_handles(load.protocol);
        assert_eq!(handles.len(), load.batch, "every message that is sent is received");
        deletes(&mut connection, &delete(&load, &handles));
    }
}

fn number(text: &str) -> usize {
    text.parse().unwrap_or_else(|_| panic!("{USAGE}"))
}

// The compiler would merge functions that are the same, so each has a name inside too.

#[inline(never)]
fn sends(connection: &mut Connection, request: &[u8]) {
    connection.exchange(black_box(request));
    black_box("sends");
}

#[inline(never)]
fn receives(connection: &mut Connection, request: &[u8]) {
    connection.exchange(black_box(request));
    black_box("receives");
}

#[inline(never)]
fn deletes(connection: &mut Connection, request: &[u8]) {
    connection.exchange(black_box(request));
    black_box("deletes");
}

impl Connection {
    fn open(protocol: Protocol) -> Self {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let stream = runtime.block_on(async {
            let server = Server::start_over(Arc::new(MemoryStore::new()), config(protocol)).await;
            let server = server.unwrap_or_else(|error| panic!("the server starts: {error}"));
            let stream =
                TcpStream::connect(server.addresses()[0].to_string()).await.expect("it listens");
            // Nothing stops it but the end of the process.
            std::mem::forget(server);
            stream
        });
        stream.set_nodelay(true).expect("a TCP stream");
        Self { runtime, stream, buffer: vec![0; ANSWER_BYTES_MAX], filled: 0 }
    }

    /// Sends a request and reads its answer, which is a success.
    fn exchange(&mut self, request: &[u8]) {
        let Self { runtime, stream, buffer, filled } = self;
        *filled = runtime.block_on(async {
            stream.write_all(request).await.expect("the server reads");
            let mut filled = 0;
            while !is_complete(&buffer[..filled]) {
                let read = stream.read(&mut buffer[filled..]).await.expect("the server answers");
                assert_ne!(read, 0, "the server keeps the connection open");
                filled += read;
            }
            filled
        });
        let answer = &self.buffer[..self.filled];
        assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(answer));
    }

    fn receipt_handles(&self, protocol: Protocol) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.buffer[..self.filled]);
        let (start, end) = match protocol {
            Protocol::Json | Protocol::Signed => ("\"ReceiptHandle\":\"", '"'),
            Protocol::Query => ("<ReceiptHandle>", '<'),
        };
        let after_start = text.split(start).skip(1);
        after_start.filter_map(|rest| Some(rest.split_once(end)?.0.to_owned())).collect()
    }
}

/// Whether the answer has all the bytes that its `Content-Length` promises.
fn is_complete(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|part| part == b"\r\n\r\n") else { return false };
    let mut lines = answer[..end].split(|byte| *byte == b'\n');
    let length = lines.find_map(|line| line.strip_prefix(b"content-length: "));
    let length = length.and_then(|length| std::str::from_utf8(length).ok()?.trim().parse().ok());
    length.is_some_and(|length: usize| answer.len() == end + 4 + length)
}

fn create_queue(load: &Load) -> Vec<u8> {
    let attributes = match load.queue {
        "queue" => "{}",
        _ => {
            r#"{"FifoQueue":"true","FifoThroughputLimit":"perMessageGroupId","DeduplicationScope":"messageGroup"}"#
        }
    };
    let input = format!(r#"{{"QueueName":"{}","Attributes":{attributes}}}"#, load.queue);
    json_request(load, "CreateQueue", &input)
}

/// Makes a user who may use the queue by a policy of its group, and returns its access key.
fn user(connection: &mut Connection) -> (String, String) {
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["sqs:SendMessage","sqs:ReceiveMessage","sqs:DeleteMessage"],"Resource":"arn:aws:sqs:us-east-1:000000000000:queue*"}}"#;
    let policy: String = policy.bytes().map(|byte| format!("%{byte:02X}")).collect();
    for form in [
        "Action=CreateUser&UserName=worker".to_owned(),
        "Action=CreateGroup&GroupName=workers".to_owned(),
        "Action=AddUserToGroup&GroupName=workers&UserName=worker".to_owned(),
        format!(
            "Action=PutGroupPolicy&GroupName=workers&PolicyName=queues&PolicyDocument={policy}"
        ),
        "Action=CreateAccessKey&UserName=worker".to_owned(),
    ] {
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("host", HOST)];
        let body = format!("{form}&Version=2010-05-08");
        connection.exchange(&signed_request("iam", ROOT, &headers, &body));
    }
    let text = String::from_utf8_lossy(&connection.buffer[..connection.filled]);
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>")).expect("it is in the answer");
        rest.split('<').next().unwrap_or_default().to_owned()
    };
    (element("AccessKeyId"), element("SecretAccessKey"))
}

fn send(load: &Load, turn: usize) -> Vec<u8> {
    let messages: Vec<Vec<(&str, String)>> =
        (0..load.batch).map(|index| message(load, turn * load.batch + index)).collect();
    request(load, "SendMessage", "Entries", "SendMessageBatchRequestEntry", &messages)
}

/// Members of one message, in the words of both protocols.
fn message(load: &Load, index: usize) -> Vec<(&'static str, String)> {
    let mut members = vec![("MessageBody", "x".repeat(BODY_BYTES))];
    if load.groups > 0 {
        // Far from each other, so that messages of one batch are of different groups.
        members.push(("MessageGroupId", format!("group-{:05}", index * 7919 % load.groups)));
    }
    if load.queue != "queue" {
        members.push(("MessageDeduplicationId", format!("message-{index:09}")));
    }
    members
}

fn receive(load: &Load) -> Vec<u8> {
    let members = [("MaxNumberOfMessages", load.batch.to_string())];
    single(load, "ReceiveMessage", &members)
}

fn delete(load: &Load, handles: &[String]) -> Vec<u8> {
    let messages: Vec<Vec<(&str, String)>> =
        handles.iter().map(|handle| vec![("ReceiptHandle", handle.clone())]).collect();
    request(load, "DeleteMessage", "Entries", "DeleteMessageBatchRequestEntry", &messages)
}

/// A request for one message, or for a batch of them.
fn request(
    load: &Load,
    operation: &str,
    json_list: &str,
    query_list: &str,
    messages: &[Vec<(&str, String)>],
) -> Vec<u8> {
    let [_, _, ..] = messages else { return single(load, operation, &messages[0]) };
    let operation = format!("{operation}Batch");
    match load.protocol {
        Protocol::Json | Protocol::Signed => {
            let entries: Vec<String> = messages
                .iter()
                .enumerate()
                .map(|(index, members)| format!(r#"{{"Id":"{index}",{}}}"#, json_members(members)))
                .collect();
            let list = format!(r#""{json_list}":[{}]"#, entries.join(","));
            json_request(
                load,
                &operation,
                &format!(r#"{{"QueueUrl":"{}",{list}}}"#, queue_url(load)),
            )
        }
        Protocol::Query => {
            let mut form = String::new();
            for (index, members) in messages.iter().enumerate() {
                let prefix = format!("&{query_list}.{}.", index + 1);
                form.push_str(&format!("{prefix}Id={index}"));
                for (name, value) in members {
                    form.push_str(&format!("{prefix}{name}={value}"));
                }
            }
            query_request(load, &operation, &form)
        }
    }
}

fn single(load: &Load, operation: &str, members: &[(&str, String)]) -> Vec<u8> {
    match load.protocol {
        Protocol::Json | Protocol::Signed => {
            let input =
                format!(r#"{{"QueueUrl":"{}",{}}}"#, queue_url(load), json_members(members));
            json_request(load, operation, &input)
        }
        Protocol::Query => {
            let form: String =
                members.iter().map(|(name, value)| format!("&{name}={value}")).collect();
            query_request(load, operation, &form)
        }
    }
}

fn queue_url(load: &Load) -> String {
    format!("http://127.0.0.1:9324/000000000000/{}", load.queue)
}

fn json_members(members: &[(&str, String)]) -> String {
    let member = |(name, value): &(&str, String)| match value.parse::<u32>() {
        Ok(number) => format!(r#""{name}":{number}"#),
        Err(_) => format!(r#""{name}":"{value}""#),
    };
    members.iter().map(member).collect::<Vec<_>>().join(",")
}

fn json_request(load: &Load, operation: &str, input: &str) -> Vec<u8> {
    if load.protocol == Protocol::Signed {
        let target = format!("AmazonSQS.{operation}");
        let headers = [
            ("content-type", "application/x-amz-json-1.0"),
            ("host", HOST),
            ("x-amz-target", target.as_str()),
        ];
        let user = load.user.as_ref().map_or(ROOT, |(id, secret)| (id, secret));
        return signed_request("sqs", user, &headers, input);
    }
    let headers = format!(
        "Content-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AmazonSQS.{operation}\r\n"
    );
    http_request("/", &headers, input)
}

fn query_request(load: &Load, operation: &str, form: &str) -> Vec<u8> {
    let headers = "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n";
    let body = format!("Action={operation}&Version=2012-11-05{form}");
    http_request(&format!("/000000000000/{}", load.queue), headers, &body)
}

/// Signed now.
fn signed_request(
    service: &str,
    (access_key_id, secret_access_key): (&str, &str),
    headers: &[(&str, &str)],
    body: &str,
) -> Vec<u8> {
    let request = SigningRequest { method: "POST", path: "/", headers, body: body.as_bytes() };
    let (session_token, region) = (None, "us-east-1");
    let identity =
        SigningIdentity { access_key_id, secret_access_key, session_token, region, service };
    let added = sign(&request, &identity, SystemClock.now_ms() / 1_000);
    let given = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
    let added = added.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
    let headers: String = given.chain(added).collect();
    let length = body.len();
    format!(
        "POST / HTTP/1.1\r\n{headers}Accept-Encoding: identity\r\n\
         User-Agent: Boto3/1.40.0 md/Botocore#1.40.0 ua/2.1 os/linux md/arch#x86_64 lang/python#3.12.0\r\n\
         amz-sdk-invocation-id: 6c1e3a5f-3b0c-4b8e-9d57-1f0f6a8f5c11\r\n\
         amz-sdk-request: attempt=1\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// With the headers of an SDK.
fn http_request(path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: {HOST}\r\nAccept-Encoding: identity\r\n{headers}\
         User-Agent: Boto3/1.40.0 md/Botocore#1.40.0 ua/2.1 os/linux md/arch#x86_64 lang/python#3.12.0\r\n\
         X-Amz-Date: 20261101T120000Z\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261101/us-east-1/sqs/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date;x-amz-target, \
         Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7\r\n\
         amz-sdk-invocation-id: 6c1e3a5f-3b0c-4b8e-9d57-1f0f6a8f5c11\r\n\
         amz-sdk-request: attempt=1\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

fn config(protocol: Protocol) -> Config {
    let small = Config::small("");
    // Valgrind is slow.
    let (head_timeout, body_timeout) = (Duration::from_secs(600), Duration::from_secs(600));
    Config {
        access: match protocol {
            Protocol::Signed => Access::Verified,
            Protocol::Json | Protocol::Query => Access::LoopbackOnly,
        },
        root_credentials: vec![RootCredentials {
            account: None,
            access_key_id: ROOT.0.to_owned(),
            secret: Secret::new(ROOT.1.to_owned()),
        }],
        // Time that stands still costs the same in every run; and valgrind 3.19 hides the page from which the
        // system's time is read.
        virtual_clock: Some(Arc::new(VirtualClock::frozen_at(SystemClock.now_ms()))),
        admin: Switch::Off,
        shards: 1,
        http: HttpLimits { head_timeout, body_timeout, ..small.http },
        ..small
    }
}
