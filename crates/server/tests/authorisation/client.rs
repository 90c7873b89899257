//! Signed calls of every service.

use std::collections::BTreeMap;

use serde_json::{Value, json as object};
use sluice_server::clock::{Clock, SystemClock};
use sluice_server::config::{Access, Config, ListenAddress, RootCredentials};
use sluice_server::identities::Secret;
use sluice_server::services::{SERVICES, Service, Switch};
use sluice_wire::{SigningIdentity, SigningRequest, sign};

use crate::http_support::{Answer, Client, TestServer, json};

/// The server's own account.
pub(crate) const ACCOUNT: &str = "000000000000";
/// Another one on the same server.
pub(crate) const OTHER_ACCOUNT: &str = "111122223333";

/// What somebody signs with.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) token: Option<String>,
}

/// What a call got.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The code of the error, empty if there is none.
    pub(crate) code: String,
    /// Its text.
    pub(crate) message: String,
    /// The answer as it came.
    pub(crate) text: String,
    pub(crate) status: u16,
}

/// A server with two accounts that verifies signatures.
pub(crate) fn server() -> TestServer {
    TestServer::start_with(verifying)
}

/// Settings of a server with two accounts that verifies signatures.
pub(crate) fn verifying(config: &mut Config) {
    config.access = Access::Verified;
    config.extensions.peek = Switch::On;
    config.root_credentials = vec![root_credentials(None), root_credentials(Some(OTHER_ACCOUNT))];
}

fn root_credentials(account: Option<&str>) -> RootCredentials {
    let Credentials { id, secret, .. } = root(account.unwrap_or(ACCOUNT));
    let secret = Secret::new(secret);
    RootCredentials { account: account.map(str::to_owned), access_key_id: id, secret }
}

/// The root of an account.
pub(crate) fn root(account: &str) -> Credentials {
    let secret = format!("wJalrXUtnFEMI/K7MDENG+bPxRfi{account}");
    Credentials { id: format!("AKIA{account}"), secret, token: None }
}

/// Makes a call, in JSON if the service speaks it; `input` of others is texts by name.
pub(crate) fn call(
    server: &TestServer,
    caller: &Credentials,
    operation: &str,
    input: &Value,
) -> Outcome {
    call_at(&server.addr.into(), caller, operation, input)
}

/// How a call is signed.
#[derive(Clone, Copy)]
pub(crate) struct Signing<'a> {
    pub(crate) caller: &'a Credentials,
    pub(crate) region: &'static str,
    /// Another one than that of the operation.
    pub(crate) service: Option<&'static str>,
    /// When, before now.
    pub(crate) secs_ago: i64,
    /// What comes to the body after it was signed.
    pub(crate) appends: &'static str,
}

impl<'a> Signing<'a> {
    /// As it should be.
    pub(crate) fn by(caller: &'a Credentials) -> Self {
        Self { caller, region: "us-east-1", service: None, secs_ago: 0, appends: "" }
    }
}

/// Makes a call through one of the server's listeners.
pub(crate) fn call_at(
    address: &ListenAddress,
    caller: &Credentials,
    operation: &str,
    input: &Value,
) -> Outcome {
    call_signed_at(address, &Signing::by(caller), operation, input)
}

/// Makes a call that may be wrongly signed.
pub(crate) fn call_signed(
    server: &TestServer,
    signing: &Signing<'_>,
    operation: &str,
    input: &Value,
) -> Outcome {
    call_signed_at(&server.addr.into(), signing, operation, input)
}

fn call_signed_at(
    address: &ListenAddress,
    signing: &Signing<'_>,
    operation: &str,
    input: &Value,
) -> Outcome {
    let service = service_of(operation);
    let (body, headers) = encoded(service, operation, input);
    let caller = signing.caller;
    let identity = SigningIdentity {
        access_key_id: &caller.id,
        secret_access_key: &caller.secret,
        session_token: caller.token.as_deref(),
        region: signing.region,
        service: signing.service.unwrap_or(service.model.name),
    };
    let mut signed: Vec<(&str, &str)> = vec![("host", "localhost")];
    signed.extend(headers.iter().map(|(name, value)| (*name, value.as_str())));
    let request =
        SigningRequest { method: "POST", path: "/", headers: &signed, body: body.as_bytes() };
    let now_secs = SystemClock.now_ms() / 1_000;
    let added = sign(&request, &identity, now_secs.saturating_add_signed(-signing.secs_ago));
    let added = added.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
    let body = format!("{body}{}", signing.appends);
    send(address, &headers, &added.collect::<String>(), &body)
}

/// Makes a call that nobody signs.
pub(crate) fn unsigned(server: &TestServer, operation: &str, input: &Value) -> Outcome {
    unsigned_at(&server.addr.into(), operation, input)
}

/// Makes a call that nobody signs through one of the server's listeners.
pub(crate) fn unsigned_at(address: &ListenAddress, operation: &str, input: &Value) -> Outcome {
    let (body, headers) = encoded(service_of(operation), operation, input);
    send(address, &headers, "", &body)
}

/// Makes a call that has to succeed.
pub(crate) fn done(
    server: &TestServer,
    caller: &Credentials,
    operation: &str,
    input: &Value,
) -> Outcome {
    let outcome = call(server, caller, operation, input);
    assert_eq!(outcome.status, 200, "{operation} {input}: {}", outcome.text);
    outcome
}

impl Outcome {
    /// What stands in the first element of this name.
    pub(crate) fn element(&self, name: &str) -> String {
        let (_, rest) = self.text.split_once(&format!("<{name}>")).unwrap_or_default();
        rest.split('<').next().unwrap_or_default().to_owned()
    }

    /// A member of an answer in JSON.
    pub(crate) fn member(&self, pointer: &str) -> String {
        let value: Value = serde_json::from_str(&self.text).expect("JSON");
        value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    }
}

/// Creates a user of the root's account with an inline policy of these statements, and an access key.
pub(crate) fn user(
    server: &TestServer,
    root: &Credentials,
    name: &str,
    statements: &Value,
) -> Credentials {
    done(server, root, "CreateUser", &object!({ "UserName": name }));
    allow(server, root, name, statements);
    let created = done(server, root, "CreateAccessKey", &object!({ "UserName": name }));
    let (id, secret) = (created.element("AccessKeyId"), created.element("SecretAccessKey"));
    Credentials { id, secret, token: None }
}

/// Sets the inline policy of a user.
pub(crate) fn allow(server: &TestServer, root: &Credentials, name: &str, statements: &Value) {
    let (user, policy) = (name, policy(statements));
    let input = object!({ "UserName": user, "PolicyName": "inline", "PolicyDocument": policy });
    done(server, root, "PutUserPolicy", &input);
}

/// Writes a policy of these statements.
pub(crate) fn policy(statements: &Value) -> String {
    object!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

/// Creates a queue and returns its URL.
pub(crate) fn create_queue(server: &TestServer, caller: &Credentials, name: &str) -> String {
    done(server, caller, "CreateQueue", &object!({ "QueueName": name })).member("/QueueUrl")
}

/// Sets the policy of a queue.
pub(crate) fn set_policy(server: &TestServer, caller: &Credentials, url: &str, statements: &Value) {
    let input = object!({ "QueueUrl": url, "Attributes": { "Policy": policy(statements) } });
    done(server, caller, "SetQueueAttributes", &input);
}

fn service_of(operation: &str) -> &'static Service {
    let has_it = |service: &&&Service| service.operations.iter().any(|it| it.name == operation);
    SERVICES.iter().find(has_it).expect("an operation that exists")
}

/// The body of a call and what its headers say of it.
pub(crate) fn encoded(
    service: &Service,
    operation: &str,
    input: &Value,
) -> (String, Vec<(&'static str, String)>) {
    let model = service.model;
    if !model.target_prefix.is_empty() {
        let target = format!("{}.{operation}", model.target_prefix);
        let content_type = "application/x-amz-json-1.0".to_owned();
        return (input.to_string(), vec![("content-type", content_type), ("x-amz-target", target)]);
    }
    let input: BTreeMap<String, Value> =
        serde_json::from_value(input.clone()).expect("texts by name");
    let version = model.query.as_ref().map_or("", |query| query.version);
    let mut form = format!("Action={operation}&Version={version}");
    for (name, value) in input {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let value = value.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        form.push_str(&format!("&{name}={value}"));
    }
    (form, vec![("content-type", "application/x-www-form-urlencoded".to_owned())])
}

fn send(
    address: &ListenAddress,
    headers: &[(&str, String)],
    signature: &str,
    body: &str,
) -> Outcome {
    let headers = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
    let headers = headers.collect::<String>();
    let mut client = Client::connect_at(address);
    client.send(format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\n{headers}{signature}Content-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    outcome(&client.answer())
}

fn outcome(answer: &Answer) -> Outcome {
    let (text, status) = (answer.text(), answer.status);
    let outcome = Outcome { code: String::new(), message: String::new(), text, status };
    if status == 200 {
        return outcome;
    }
    if outcome.text.starts_with('<') {
        let (code, message) = (outcome.element("Code"), outcome.element("Message"));
        return Outcome { code, message, ..outcome };
    }
    let of_query = answer.header("x-amzn-query-error").split(';').next().unwrap_or_default();
    let body = json(answer);
    let shape = body["__type"].as_str().and_then(|shape| shape.rsplit('#').next());
    // Services that do not speak Query say the shape only.
    let code = match (of_query, shape.unwrap_or_default()) {
        ("", shape) => shape.strip_suffix("Exception").unwrap_or(shape).to_owned(),
        (code, _) => code.to_owned(),
    };
    let message = json(answer)["message"].as_str().unwrap_or_default().to_owned();
    Outcome { code, message, ..outcome }
}
