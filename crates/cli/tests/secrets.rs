//! What messages say, and what is secret, is in nothing that a server prints, records, counts or says of errors, however
//! much it logs.

#![expect(clippy::expect_used, reason = "a test that cannot start the binary should stop there")]

mod process_under_test;
mod support;

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioExecutor;
use process_under_test::run;
use serde_json::{Value, json};
use sluice_server::clock::{Clock, SystemClock};
use sluice_wire::{SigningIdentity, SigningRequest, sign};
use support::{Server, files_of, text};
use tempfile::TempDir;

const ROOT_SECRET: &str = "secretOfTheRootThatNobodySees";
const MASTER_KEY: &str = "3q2+796tvu/erb7v3q2+796tvu/erb7v3q2+796tvu8=";
const BODY: &str = "whatBodiesSay";
const ATTRIBUTE: &str = "whatAttributesSay";
const PLAINTEXT: &str = "whatKeysEncrypt";
const TOKEN: &str = "whatTokensAre";

/// Who signs.
#[derive(Clone)]
struct Caller {
    id: String,
    secret: String,
    token: Option<String>,
}

/// A request that is not signed yet.
struct Request {
    service: &'static str,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Request {
    /// In AWS JSON, of SQS or KMS. The body is what it is: JSON, or not.
    fn json(service: &'static str, operation: &str, body: impl ToString) -> Self {
        let prefix = if service == "kms" { "TrentService" } else { "AmazonSQS" };
        let target = ("x-amz-target", format!("{prefix}.{operation}"));
        let headers = vec![("content-type", "application/x-amz-json-1.0".to_owned()), target];
        Self { service, headers, body: body.to_string() }
    }

    /// In Query.
    fn form(service: &'static str, body: impl ToString) -> Self {
        let headers = vec![("content-type", "application/x-www-form-urlencoded".to_owned())];
        Self { service, headers, body: body.to_string() }
    }

    /// All of its headers, with a signature.
    fn signed(&self, address: &str, caller: &Caller) -> Vec<(String, String)> {
        let mut headers = vec![("host", address)];
        headers.extend(self.headers.iter().map(|(name, value)| (*name, value.as_str())));
        let request = SigningRequest {
            method: "POST",
            path: "/",
            headers: &headers,
            body: self.body.as_bytes(),
        };
        let identity = SigningIdentity {
            access_key_id: &caller.id,
            secret_access_key: &caller.secret,
            session_token: caller.token.as_deref(),
            region: "us-east-1",
            service: self.service,
        };
        let added = sign(&request, &identity, SystemClock.now_ms() / 1_000);
        let given = headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        given.chain(added.into_iter().map(|(name, value)| (name.to_owned(), value))).collect()
    }
}

/// A server that says all it can, and what it answered to requests that failed.
struct World {
    directory: TempDir,
    server: Server,
    root: Caller,
    told: String,
}

impl World {
    fn start() -> Self {
        let directory = tempfile::tempdir().expect("the test may write to the temporary directory");
        let root = Caller {
            id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret: ROOT_SECRET.to_owned(),
            token: None,
        };
        let lines = format!("aws_access_key_id={}\naws_secret_access_key={ROOT_SECRET}\n", root.id);
        write(&directory.path().join("root"), &lines);
        write(&directory.path().join("master.key"), MASTER_KEY);
        let flags = flags(directory.path());
        let server = Server::serve_with(&directory.path().join("data"), |command| {
            command.args(&flags).args(["--log-level", "trace"]);
        });
        Self { server: server.expect("it starts"), directory, root, told: String::new() }
    }

    fn send(&self, caller: &Caller, request: &Request) -> (u16, String) {
        let headers = request.signed(self.server.address(), caller);
        self.exchange("/", &headers, &request.body)
    }

    fn exchange(&self, path: &str, headers: &[(String, String)], body: &str) -> (u16, String) {
        let headers = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
        let headers = headers.collect::<String>();
        let length = body.len();
        let request =
            format!("POST {path} HTTP/1.1\r\n{headers}content-length: {length}\r\n\r\n{body}");
        self.server.client().exchange(request.as_bytes())
    }

    /// Makes a call of the root that works.
    fn done(&self, request: &Request) -> String {
        let (status, answer) = self.send(&self.root, request);
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// The same in JSON.
    fn json(&self, service: &'static str, operation: &str, input: &Value) -> Value {
        let answer = self.done(&Request::json(service, operation, input));
        serde_json::from_str(&answer).unwrap_or_default()
    }

    /// Makes a call of the root that fails, or a part of it.
    fn refused(&mut self, request: &Request) {
        let root = self.root.clone();
        self.refused_to(&root, request);
    }

    fn refused_to(&mut self, caller: &Caller, request: &Request) {
        let answer = self.send(caller, request);
        self.note(request, answer);
    }

    fn note(&mut self, request: &Request, (status, answer): (u16, String)) {
        assert!(status >= 400 || answer.contains("\"Failed\""), "{}: {answer}", request.body);
        self.told.push_str(&answer);
        self.told.push('\n');
    }

    /// The same over HTTP/2.
    fn refused_over_http2(&mut self, caller: &Caller, request: &Request) {
        let address = self.server.address();
        let mut sent = http::Request::post(format!("http://{address}/"));
        for (name, value) in request.signed(address, caller).into_iter().skip(1) {
            sent = sent.header(name, value);
        }
        let sent = sent.body(Full::new(Bytes::from(request.body.clone()))).expect("a request");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let answer = runtime.expect("a runtime").block_on(async {
            let mut client = hyper_util::client::legacy::Client::builder(TokioExecutor::new());
            let answer = client.http2_only(true).build_http().request(sent).await;
            let (head, body) = answer.expect("the server answers").into_parts();
            let body = body.collect().await.expect("all of it").to_bytes();
            (head.status.as_u16(), String::from_utf8_lossy(&body).into_owned())
        });
        self.note(request, answer);
    }
}

/// What `serve` is started with, and `config check` asked about.
fn flags(directory: &Path) -> Vec<String> {
    let path = |name: &str| text(&directory.join(name)).to_owned();
    let of_files = [
        ("--root-credentials-file", "root"),
        ("--master-key-file", "master.key"),
        ("--audit-directory", "audit"),
    ];
    let mut flags = vec!["--audit-data-events".to_owned()];
    flags.extend(of_files.into_iter().flat_map(|(flag, name)| [flag.to_owned(), path(name)]));
    flags
}

fn write(path: &Path, content: &str) {
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.expect("the directory is there");
    file.write_all(content.as_bytes()).expect("there is space");
}

/// The text of an element of an answer in XML.
fn element(answer: &str, name: &str) -> String {
    let (_, rest) = answer.split_once(&format!("<{name}>")).expect("it is there");
    rest.split('<').next().unwrap_or_default().to_owned()
}

fn base64(text: &str) -> String {
    BASE64_STANDARD.encode(text)
}

/// What nobody may find, in the forms in which it may be found.
struct Hidden(Vec<String>);

impl Hidden {
    fn of<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        Self(secrets.into_iter().flat_map(|secret| forms(secret.as_bytes())).collect())
    }

    fn found_in(&self, text: &str) -> Option<String> {
        self.0.iter().find_map(|form| {
            let place = text.find(form.as_str())?;
            let line = text[..place].lines().count();
            Some(format!("{form} in line {line}: {}", text.lines().nth(line - 1)?))
        })
    }
}

/// As text, in base64, and as Rust prints bytes.
fn forms(secret: &[u8]) -> Vec<String> {
    let numbers = |bytes: &[u8]| format!("{bytes:?}").trim_matches(['[', ']']).to_owned();
    let hex = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![BASE64_STANDARD.encode(secret), numbers(secret), hex];
    if let Ok(text) = std::str::from_utf8(secret) {
        forms.push(text.to_owned());
    }
    forms
}

/// Messages that are refused, in whole or in part.
fn provoke_refusals_of_messages(world: &mut World, url: &str) {
    let long = BODY.repeat((1 << 20) / BODY.len() + 1);
    let entry = |id: &str, body: &str| json!({ "Id": id, "MessageBody": body });
    let (entries, twice) = (
        json!([entry("a", BODY), entry("b", &format!("{BODY}\u{1}"))]),
        [entry("a", BODY), entry("a", BODY)],
    );
    for (operation, input) in [
        ("SendMessage", json!({ "QueueUrl": url, "MessageBody": [BODY] })),
        ("SendMessage", json!({ "QueueUrl": url, "MessageBody": { "Text": BODY } })),
        ("SendMessage", json!({ "QueueUrl": url, "MessageBody": format!("{BODY}\u{1}") })),
        ("SendMessage", json!({ "QueueUrl": url, "MessageBody": long })),
        ("SendMessage", json!({ "QueueUrl": url, "MessageBody": BODY, "DelaySeconds": 10_000 })),
        ("SendMessage", json!({ "QueueUrl": format!("{url}x"), "MessageBody": BODY })),
        ("SendMessage", json!({ "MessageBody": BODY })),
        ("SendMessage", json!(BODY)),
        ("NoSuchOperation", json!({ "QueueUrl": url, "MessageBody": BODY })),
        ("SendMessageBatch", json!({ "QueueUrl": url, "Entries": entries })),
        ("SendMessageBatch", json!({ "QueueUrl": url, "Entries": twice })),
        ("SendMessageBatch", json!({ "QueueUrl": url, "Entries": [BODY] })),
        ("SendMessageBatch", json!({ "QueueUrl": url, "Entries": BODY })),
    ] {
        world.refused(&Request::json("sqs", operation, &input));
    }
    let whole = json!({ "QueueUrl": url, "MessageBody": BODY }).to_string();
    for cut in [whole.len() - 1, whole.len() - 3] {
        world.refused(&Request::json("sqs", "SendMessage", &whole[..cut]));
    }
    world.refused(&Request::json("sqs", "SendMessage", format!("{whole}{whole}")));
    let mut compressed = Request::json("sqs", "SendMessage", &whole);
    compressed.headers.push(("content-encoding", "gzip".to_owned()));
    world.refused(&compressed);
    for rest in [
        format!("MessageBody={BODY}&DelaySeconds=x"),
        format!("MessageBody={BODY}%01"),
        format!("MessageBody={BODY}%ff"),
        format!("MessageBody={BODY}&MessageAttribute.1.Value.StringValue={ATTRIBUTE}"),
        format!("SendMessageBatchRequestEntry.1.MessageBody={BODY}"),
    ] {
        let form = format!("Action=SendMessage&Version=2012-11-05&QueueUrl={url}&{rest}");
        world.refused(&Request::form("sqs", form));
    }
}

fn provoke_refusals_of_attributes(world: &mut World, url: &str) {
    for attributes in [
        json!({ "a": { "DataType": "Number", "StringValue": ATTRIBUTE } }),
        json!({ "a": { "DataType": "Odd", "StringValue": ATTRIBUTE } }),
        json!({ "a": { "DataType": "Binary", "BinaryValue": format!("{ATTRIBUTE}!") } }),
        json!({ "a": { "DataType": "Binary", "StringValue": ATTRIBUTE } }),
        json!({ "a": { "DataType": "String", "StringValue": [ATTRIBUTE] } }),
        json!({ "a": { "DataType": "String", "StringValue": format!("{ATTRIBUTE}\u{1}") } }),
        json!({ "a": { "StringValue": ATTRIBUTE } }),
        json!({ "a": ATTRIBUTE }),
        json!(ATTRIBUTE),
    ] {
        let input =
            json!({ "QueueUrl": url, "MessageBody": BODY, "MessageAttributes": attributes });
        world.refused(&Request::json("sqs", "SendMessage", &input));
        let entry = json!({ "Id": "a", "MessageBody": BODY, "MessageAttributes": attributes });
        let batch = json!({ "QueueUrl": url, "Entries": [entry] });
        world.refused(&Request::json("sqs", "SendMessageBatch", &batch));
    }
    let system = json!({ "AWSTraceHeader": { "DataType": "Binary", "StringValue": ATTRIBUTE } });
    let input = json!({ "QueueUrl": url, "MessageBody": BODY, "MessageSystemAttributes": system });
    world.refused(&Request::json("sqs", "SendMessage", &input));
}

/// Whoever is not who they say they are.
fn provoke_refusals_of_callers(world: &mut World, url: &str, session: &Caller) {
    let send = Request::json("sqs", "SendMessage", json!({ "QueueUrl": url, "MessageBody": BODY }));
    let token = |token: Option<String>| Caller { token, ..session.clone() };
    let forged = format!("{}x", session.token.as_deref().unwrap_or_default());
    for caller in [
        Caller { secret: TOKEN.to_owned(), ..world.root.clone() },
        Caller { token: Some(TOKEN.to_owned()), ..world.root.clone() },
        Caller { secret: TOKEN.to_owned(), ..session.clone() },
        token(Some(TOKEN.to_owned())),
        token(Some(forged)),
        token(None),
    ] {
        world.refused_to(&caller, &send);
        world.refused_over_http2(&caller, &send);
    }
    world.refused_to(session, &Request::form("iam", "Action=ListUsers&Version=2010-05-08"));
    let mut headers = send.signed(world.server.address(), &world.root);
    for authorization in [
        format!("Bearer {TOKEN}"),
        format!("AWS4-HMAC-SHA256 {TOKEN}"),
        format!("AWS4-HMAC-SHA256 Credential={}/x/{TOKEN}", world.root.id),
    ] {
        let place = headers.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        place.expect("it is signed").1 = authorization;
        let answer = world.exchange("/", &headers, &send.body);
        world.note(&send, answer);
    }
    headers.retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
    let presigned = format!(
        "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={}%2F20260102%2Fus-east-1%2Fsqs%2Faws4_request\
         &X-Amz-Date=20260102T000000Z&X-Amz-SignedHeaders=host&X-Amz-Signature=00&X-Amz-Security-Token={TOKEN}",
        session.id
    );
    let answer = world.exchange(&presigned, &headers, &send.body);
    world.note(&send, answer);
}

/// Uses of keys that work, and such that do not; returns a data key in base64.
fn provoke_refusals_of_keys(world: &mut World) -> String {
    let key = world.json("kms", "CreateKey", &json!({}))["KeyMetadata"]["KeyId"].take();
    let plaintext = base64(PLAINTEXT);
    let encrypt = json!({ "KeyId": key, "Plaintext": plaintext });
    let encrypted = world.json("kms", "Encrypt", &encrypt);
    let blob = &encrypted["CiphertextBlob"];
    let decrypted = world.json("kms", "Decrypt", &json!({ "CiphertextBlob": blob }));
    assert_eq!(decrypted["Plaintext"], plaintext);
    let data_key = json!({ "KeyId": key, "KeySpec": "AES_256" });
    let data_key = world.json("kms", "GenerateDataKey", &data_key)["Plaintext"].take();
    let queue = json!({ "QueueName": "locked", "Attributes": { "KmsMasterKeyId": key } });
    let locked = world.json("sqs", "CreateQueue", &queue)["QueueUrl"].take();
    world.json("sqs", "SendMessage", &json!({ "QueueUrl": locked, "MessageBody": BODY }));
    for (operation, input) in [
        ("Encrypt", json!({ "KeyId": "alias/none", "Plaintext": plaintext })),
        ("Encrypt", json!({ "KeyId": key, "Plaintext": format!("{PLAINTEXT}!") })),
        ("Encrypt", json!({ "KeyId": key, "Plaintext": [PLAINTEXT, plaintext] })),
        ("Encrypt", json!({ "KeyId": key, "Plaintext": base64(&PLAINTEXT.repeat(300)) })),
        ("Encrypt", json!({ "KeyId": key, "Plaintext": plaintext, "EncryptionContext": "x" })),
        ("Encrypt", json!({ "KeyId": "none", "Plaintext": plaintext, "GrantTokens": [TOKEN] })),
        ("Encrypt", json!({ "KeyId": key, "Plaintext": plaintext, "EncryptionAlgorithm": "RSA" })),
        ("Decrypt", json!({ "CiphertextBlob": plaintext })),
        ("Decrypt", json!({ "CiphertextBlob": format!("{PLAINTEXT}!") })),
        ("Decrypt", json!({ "CiphertextBlob": blob, "EncryptionContext": { "a": "b" } })),
        ("ReEncrypt", json!({ "CiphertextBlob": plaintext, "DestinationKeyId": key })),
    ] {
        world.refused(&Request::json("kms", operation, &input));
    }
    world.json("kms", "DisableKey", &json!({ "KeyId": key }));
    world.refused(&Request::json("kms", "Encrypt", &encrypt));
    let send = json!({ "QueueUrl": locked, "MessageBody": BODY });
    world.refused(&Request::json("sqs", "SendMessage", &send));
    world.refused(&Request::json("sqs", "ReceiveMessage", json!({ "QueueUrl": locked })));
    data_key.as_str().expect("it is text").to_owned()
}

/// Makes a user with an access key and a session of the root; returns the secret of the one, and the other.
fn make_credentials(world: &mut World) -> (String, Caller) {
    let iam =
        |rest: &str| Request::form("iam", format!("Version=2010-05-08&UserName=eve&Action={rest}"));
    world.done(&iam("CreateUser"));
    world.done(&iam("CreateAccessKey"));
    let secret = element(&world.done(&iam("CreateAccessKey")), "SecretAccessKey");
    world.refused(&iam("CreateAccessKey"));
    let session = world.done(&Request::form("sts", "Action=GetSessionToken&Version=2011-06-15"));
    let of = |name| element(&session, name);
    let token = Some(of("SessionToken"));
    (secret, Caller { id: of("AccessKeyId"), secret: of("SecretAccessKey"), token })
}

#[test]
fn secrets_and_messages_are_in_no_log_metric_error_or_record() {
    let mut world = World::start();
    let created = world.json("sqs", "CreateQueue", &json!({ "QueueName": "q" }));
    let url = created["QueueUrl"].as_str().expect("a queue has a URL").to_owned();
    let attributes = json!({
        "a": { "DataType": "String", "StringValue": ATTRIBUTE },
        "b": { "DataType": "Binary", "BinaryValue": base64(ATTRIBUTE) },
    });
    let send = json!({ "QueueUrl": url, "MessageBody": BODY, "MessageAttributes": attributes });
    let (secret, session) = make_credentials(&mut world);
    for caller in [&world.root, &session] {
        let (status, answer) = world.send(caller, &Request::json("sqs", "SendMessage", &send));
        assert_eq!(status, 200, "{answer}");
    }
    provoke_refusals_of_messages(&mut world, &url);
    provoke_refusals_of_attributes(&mut world, &url);
    provoke_refusals_of_callers(&mut world, &url, &session);
    let data_key = provoke_refusals_of_keys(&mut world);
    let receive = json!({ "QueueUrl": url, "MessageAttributeNames": ["All"] });
    let received = world.done(&Request::json("sqs", "ReceiveMessage", &receive));

    let master_key = BASE64_STANDARD.decode(MASTER_KEY).expect("base64");
    let token = session.token.as_deref().unwrap_or_default();
    let texts = [ROOT_SECRET, MASTER_KEY, BODY, ATTRIBUTE, PLAINTEXT, TOKEN];
    let made = [secret.as_str(), session.secret.as_str(), token, data_key.as_str()];
    let mut hidden = Hidden::of(texts.into_iter().chain(made));
    hidden.0.extend(forms(&master_key));
    assert!(hidden.found_in(&received).is_some(), "what is there is found: {received}");

    let (status, metrics) = world.server.client().get("/metrics");
    assert_eq!(status, 200);
    // Durable with this: the records of what came before it.
    world.json("sqs", "PurgeQueue", &json!({ "QueueUrl": url }));
    let audit = records(&world.directory.path().join("audit"));
    assert!(audit.contains("\"SendMessageBatch\"") && audit.contains("\"Encrypt\""), "{audit}");
    let checked = config_check(world.directory.path());
    assert!(checked.contains("master.key"), "{checked}");
    let World { server, told, .. } = world;
    let log = server.stop();
    assert!(log.contains("TRACE") && log.contains("SendMessage"), "{log}");
    for (what, text) in [
        ("the log", &log),
        ("the metrics", &metrics),
        ("errors", &told),
        ("the audit log", &audit),
        ("what `config check` prints", &checked),
    ] {
        assert_eq!(hidden.found_in(text), None, "{what}");
    }
}

/// Everything that was recorded so far.
fn records(directory: &Path) -> String {
    let read = |path: PathBuf| std::fs::read_to_string(path).expect("records are text");
    files_of(directory).into_iter().map(read).collect()
}

/// What `config check` prints in either form.
fn config_check(directory: &Path) -> String {
    let flags = flags(directory);
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let outputs = ["text", "json"].map(|form| {
        let output = run(&[&["config", "check", "--output", form], &flags[..]].concat());
        assert_eq!(output.status.code(), Some(0));
        [output.stdout, output.stderr].concat()
    });
    String::from_utf8_lossy(&outputs.concat()).into_owned()
}
