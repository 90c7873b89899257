//! Golden pairs of every operation against a running server, in each protocol of its service.
//!
//! A case is `golden/<Operation>/<case>.<protocol>.request` with the `.response` that it has to get. `<case>.setup` has
//! the calls that go before, a line each: `Operation {input}`, or `name = Operation {input} /pointer/into/answer`. For a
//! service that speaks only Query, the members of the input are parameters, and the pointer is the name of an element.
//! Each case has an account of its own, written `<account>`; `<name>` stands for what the setup took from an answer.
//! `golden_beyond_sqs` has the same for a server whose limits are raised.
//! What differs from run to run is masked in responses. `UPDATE_GOLDEN=1` rewrites the responses: read the
//! difference, and compare it with the contract, before you keep it.

mod http_support;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use http_support::TestServer;
use sluice_server::config::{AuditConfig, WhenFull};
use sluice_server::services::sqs::Limits;
use sluice_server::services::{SERVICES, Service, Switch};

/// Texts around what differs from run to run, and what is written instead.
const MASKS: &[(&str, &str, &str)] = &[
    ("\"MessageId\":\"", "\"", "<message-id>"),
    ("\"ReceiptHandle\":\"", "\"", "<receipt-handle>"),
    ("\"SentTimestamp\":\"", "\"", "<time>"),
    ("\"ApproximateFirstReceiveTimestamp\":\"", "\"", "<time>"),
    ("\"CreatedTimestamp\":\"", "\"", "<time>"),
    ("\"LastModifiedTimestamp\":\"", "\"", "<time>"),
    ("\"SequenceNumber\":\"", "\"", "<sequence-number>"),
    ("\"TaskHandle\":\"", "\"", "<task-handle>"),
    ("\"StartedTimestamp\":", "}", "<time>"),
    (",\"ApproximateNumberOfMessagesMoved\":", ",", "<moved>"),
    ("{\"ApproximateNumberOfMessagesMoved\":", "}", "<moved>"),
    ("\"EventId\":\"", "\"", "<event-id>"),
    ("\"EventTime\":", ",", "<time>"),
    ("\"StartLoggingTime\":", ",", "<time>"),
    ("\"StopLoggingTime\":", ",", "<time>"),
    ("\"TimeLoggingStarted\":\"2", "\"", "<time>"),
    ("\"TimeLoggingStopped\":\"2", "\"", "<time>"),
    ("\"CloudTrailEvent\":\"", "}\"", "<record>"),
    ("\"CreationDate\":", ",", "<time>"),
    ("\"LastUpdatedDate\":", "}", "<time>"),
    ("\"DeletionDate\":", ",", "<time>"),
    ("\"CurrentKeyMaterialId\":\"", "\"", "<key-material-id>"),
    ("\"KeyMaterialId\":\"", "\"", "<key-material-id>"),
    ("\"CiphertextBlob\":\"", "\"", "<ciphertext>"),
    ("\"<ciphertext>\",\"Plaintext\":\"", "\"", "<plaintext>"),
    ("{\"Plaintext\":\"", "\"", "<plaintext>"),
    ("\"NextMarker\":\"", "\"", "<marker>"),
    ("\"KeyId\":\"", "\"", "<key-id>"),
    ("\"TargetKeyId\":\"", "\"", "<key-id>"),
    ("\"Arn\":\"arn:aws:kms:us-east-1:<account>:key/", "\"", "<key-id>"),
    ("\"KeyArn\":\"arn:aws:kms:us-east-1:<account>:key/", "\"", "<key-id>"),
    ("\"SourceKeyMaterialId\":\"", "\"", "<key-material-id>"),
    ("\"DestinationKeyMaterialId\":\"", "\"", "<key-material-id>"),
    ("\"GrantId\":\"", "\"", "<grant-id>"),
    ("\"GrantToken\":\"", "\"", "<grant-token>"),
    ("\"RotationDate\":", ",", "<time>"),
    ("\"NextRotationDate\":", "}", "<time>"),
    ("<RequestId>", "<", "<request-id>"),
    ("<MessageId>", "<", "<message-id>"),
    ("<ReceiptHandle>", "<", "<receipt-handle>"),
    ("<TaskHandle>", "<", "<task-handle>"),
    ("<StartedTimestamp>", "<", "<time>"),
    ("<ApproximateNumberOfMessagesMoved>", "<", "<moved>"),
    ("<SequenceNumber>", "<", "<sequence-number>"),
    ("<UserId>AIDA", "<", "<id>"),
    ("<GroupId>", "<", "<id>"),
    ("<RoleId>", "<", "<id>"),
    ("<PolicyId>", "<", "<id>"),
    ("<AssumedRoleId>", ":", "<id>"),
    ("<AccessKeyId>", "<", "<access-key-id>"),
    ("<SecretAccessKey>", "<", "<secret>"),
    ("<SessionToken>", "<", "<session-token>"),
    ("<CreateDate>2", "<", "<time>"),
    ("<UpdateDate>2", "<", "<time>"),
    ("<Expiration>", "<", "<time>"),
    ("<Name>SequenceNumber</Name><Value>", "<", "<sequence-number>"),
    ("<Name>SentTimestamp</Name><Value>", "<", "<time>"),
    ("<Name>ApproximateFirstReceiveTimestamp</Name><Value>", "<", "<time>"),
    ("<Name>CreatedTimestamp</Name><Value>", "<", "<time>"),
    ("<Name>LastModifiedTimestamp</Name><Value>", "<", "<time>"),
];

/// Names and what they stand for in one case.
type Variables = Vec<(String, String)>;

#[test]
fn every_request_gets_its_golden_response() {
    let audit = tempfile::tempdir().expect("a temporary directory");
    let server = TestServer::start_with(|config| {
        config.extensions.peek = Switch::On;
        config.audit = Some(AuditConfig {
            directory: audit.path().to_owned(),
            data_events: Switch::Off,
            when_full: WhenFull::Wait,
            file_bytes_max: 1 << 30,
            file_age_max: Duration::from_secs(3_600),
        });
    });
    check_golden_responses(server, "golden");
}

#[test]
fn every_request_beyond_sqs_gets_its_golden_response() {
    let server = TestServer::start_with(|config| {
        config.in_flight_max = 12;
        config.extensions.sqs_limits = Limits {
            delay_secs_max: 2_000_000,
            visibility_timeout_secs_max: 1_000_000,
            retention_secs_max: 3_000_000,
            batch_entries_max: 12,
            receive_count_max: 12,
        };
    });
    check_golden_responses(server, "golden_beyond_sqs");
}

fn check_golden_responses(server: TestServer, folder: &str) {
    let mut differences = Vec::new();
    for (index, request_path) in request_paths(folder).iter().enumerate() {
        let mut variables =
            vec![("account".to_owned(), format!("{}", 100_000_000_000 + index as u64))];
        set_up(server.addr, request_path, &mut variables);
        let request = fs::read_to_string(request_path).expect("a readable request");
        let service = service_of(operation_of(request_path)).model;
        let request = filled_in(&request, &variables);
        let response = exchange(server.addr, service.name, &request, &variables);
        let response = masked(&response, &variables);
        let response_path = request_path.with_extension("response");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&response_path, response).expect("a writable response");
            continue;
        }
        let expected = fs::read_to_string(&response_path).unwrap_or_default();
        if response != expected {
            let path = response_path.display();
            differences.push(format!("{path}\nexpected:\n{expected}\ngot:\n{response}"));
        }
    }
    server.drain();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn every_operation_has_pairs_in_each_protocol() {
    let paths = request_paths("golden");
    let operations = SERVICES
        .iter()
        .flat_map(|service| service.operations.iter().map(move |operation| (service, operation)));
    for (service, operation) in operations {
        let protocols = [("json", speaks_json(service)), ("query", service.model.query.is_some())];
        for (protocol, _) in protocols.iter().filter(|(_, is_spoken)| *is_spoken) {
            let is_one = |path: &&PathBuf| {
                let name = path.to_string_lossy();
                name.contains(&format!("/golden/{}/", operation.name))
                    && name.ends_with(&format!(".{protocol}.request"))
            };
            assert!(paths.iter().any(|path| is_one(&path)), "{} {protocol}", operation.name);
        }
    }
}

fn request_paths(folder: &str) -> Vec<PathBuf> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let mut paths: Vec<PathBuf> = entries(&golden)
        .iter()
        .flat_map(|operation| entries(operation))
        .filter(|path| path.extension().is_some_and(|extension| extension == "request"))
        .collect();
    paths.sort();
    paths
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let read = fs::read_dir(dir).expect("a readable directory");
    read.map(|entry| entry.expect("a readable entry").path()).collect()
}

/// Makes the calls of the case's setup, which both protocols share.
fn set_up(addr: SocketAddr, request_path: &Path, variables: &mut Variables) {
    let setup_path = request_path.with_extension("").with_extension("setup");
    let setup = fs::read_to_string(setup_path).unwrap_or_default();
    for line in setup.lines() {
        let (name, call) = match line.split_once(" = ") {
            Some((name, call)) if !name.contains(' ') => (Some(name), call),
            Some(_) | None => (None, line),
        };
        let (operation, input) = call.split_once(' ').expect("an operation and its input");
        let (input, pointer) = match (name, input.rsplit_once(' ')) {
            (Some(_), Some((input, pointer))) => (input, pointer),
            (Some(_) | None, _) => (input, ""),
        };
        let service = service_of(operation);
        let request = setup_request(service, operation, &filled_in(input, variables));
        let response = exchange(addr, service.model.name, &request, variables);
        assert!(response.starts_with("HTTP/1.1 200"), "{line}: {response}");
        let Some(name) = name else { continue };
        let (_, body) = response.split_once("\r\n\r\n").expect("a head and a body");
        let taken = if speaks_json(service) {
            let answer: serde_json::Value = serde_json::from_str(body).expect("a JSON answer");
            answer.pointer(pointer).and_then(serde_json::Value::as_str).map(str::to_owned)
        } else {
            let element = body.split_once(&format!("<{pointer}>"));
            element.and_then(|(_, rest)| rest.split_once('<')).map(|(text, _)| text.to_owned())
        };
        variables.push((name.to_owned(), taken.expect("a text at the pointer")));
    }
}

fn setup_request(service: &Service, operation: &str, input: &str) -> String {
    let start = "POST / HTTP/1.1\nHost: localhost\nContent-Type: application/x-";
    let model = service.model;
    if speaks_json(service) {
        let target = model.target_prefix;
        return format!("{start}amz-json-1.0\nX-Amz-Target: {target}.{operation}\n\n{input}");
    }
    let input: BTreeMap<String, String> = serde_json::from_str(input).expect("texts by name");
    let version = model.query.as_ref().map_or("", |query| query.version);
    let mut form = format!("Action={operation}&Version={version}");
    for (name, value) in input {
        let value = value.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        form.push_str(&format!("&{name}={value}"));
    }
    format!("{start}www-form-urlencoded\n\n{form}")
}

fn service_of(operation: &str) -> &'static Service {
    let has_it = |service: &&&Service| service.operations.iter().any(|it| it.name == operation);
    SERVICES.iter().find(has_it).expect("an operation that exists")
}

fn speaks_json(service: &Service) -> bool {
    !service.model.target_prefix.is_empty()
}

/// The operation that a case is of: the name of its folder.
fn operation_of(request_path: &Path) -> &str {
    let folder = request_path.parent().and_then(Path::file_name);
    folder.and_then(OsStr::to_str).expect("a folder with the name of an operation")
}

/// Sends a request, head and body as in the files, as the case's account; returns the response as it came.
fn exchange(addr: SocketAddr, service: &str, request: &str, variables: &Variables) -> String {
    let (head, body) = request.split_once("\n\n").unwrap_or((request, ""));
    let body = body.strip_suffix('\n').unwrap_or(body);
    let account = &variables[0].1;
    let bytes = format!(
        "{}\r\nAuthorization: AWS4-HMAC-SHA256 Credential={account}/20261121/us-east-1/{service}/\
         aws4_request, SignedHeaders=host, Signature=00\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        head.trim_end().replace('\n', "\r\n"),
        body.len()
    );
    let mut stream = TcpStream::connect(addr).expect("the server accepts");
    stream.write_all(bytes.as_bytes()).expect("the server reads");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("the server answers text and closes");
    response
}

fn filled_in(text: &str, variables: &Variables) -> String {
    variables
        .iter()
        .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("<{name}>"), value))
}

/// Writes a response as in the files: status, headers in order of name without those of the connection, body.
fn masked(response: &str, variables: &Variables) -> String {
    let (head, body) = response.split_once("\r\n\r\n").expect("a head and a body");
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap_or_default();
    let mut headers: Vec<String> = lines.filter_map(masked_header).collect();
    headers.sort();
    let named = |body: String, (name, value): &(String, String)| {
        body.replace(value.as_str(), &format!("<{name}>"))
    };
    let mut body = variables.iter().fold(body.to_owned(), named);
    for (prefix, suffix, placeholder) in MASKS {
        body = masked_between(&body, prefix, suffix, placeholder);
    }
    format!("{status}\n{}\n\n{body}\n", headers.join("\n"))
}

fn masked_header(line: &str) -> Option<String> {
    let (name, value) = line.split_once(": ")?;
    match name.to_ascii_lowercase().as_str() {
        "connection" | "content-length" | "date" => None,
        "x-amzn-requestid" => Some("x-amzn-requestid: <request-id>".to_owned()),
        name => Some(format!("{name}: {value}")),
    }
}

/// Masks what stands between two texts, unless it has a name already or is an ARN, of which parts are masked.
fn masked_between(text: &str, prefix: &str, suffix: &str, placeholder: &str) -> String {
    let mut parts = text.split(prefix);
    let mut masked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        if part.starts_with('<') || part.starts_with("arn:") {
            masked.push_str(prefix);
            masked.push_str(part);
            continue;
        }
        let rest = part.find(suffix).map_or("", |end| &part[end..]);
        masked.push_str(prefix);
        masked.push_str(placeholder);
        masked.push_str(rest);
    }
    masked
}
