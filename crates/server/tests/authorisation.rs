//! Who may do what on a server that verifies signatures: the root, and those who do not sign at all.

mod http_support;

use http_support::{Answer, TestServer, json};
use serde_json::{Value, json as object};
use sluice_server::clock::{Clock, SystemClock};
use sluice_server::config::{Access, RootCredentials};
use sluice_server::identities::Secret;
use sluice_wire::{SigningIdentity, SigningRequest, sign};

const ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const TYPE: &str = "application/x-amz-json-1.0";

fn server() -> TestServer {
    TestServer::start_with(|config| {
        config.access = Access::Verified;
        let secret = Secret::new(SECRET.to_owned());
        config.root_credentials = Some(RootCredentials { access_key_id: ID.to_owned(), secret });
    })
}

/// Makes a call that the root signs.
fn by_root(server: &TestServer, operation: &str, input: &Value) -> Answer {
    let (body, target) = (input.to_string(), format!("AmazonSQS.{operation}"));
    let headers = [("content-type", TYPE), ("host", "localhost"), ("x-amz-target", &target)];
    let identity = SigningIdentity {
        access_key_id: ID,
        secret_access_key: SECRET,
        session_token: None,
        region: "us-east-1",
        service: "sqs",
    };
    let request =
        SigningRequest { method: "POST", path: "/", headers: &headers, body: body.as_bytes() };
    let added = sign(&request, &identity, SystemClock.now_ms() / 1_000);
    let added: String = added.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    let mut client = server.connect();
    client.send(format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: {TYPE}\r\nX-Amz-Target: {target}\r\n{added}\
         Content-Length: {length}\r\n\r\n{body}"
    ));
    client.answer()
}

/// Makes a call that nobody signs.
fn unsigned(server: &TestServer, operation: &str, input: &Value) -> Answer {
    server.connect().call(operation, &input.to_string())
}

fn code(answer: &Answer) -> String {
    answer.header("x-amzn-query-error").split(';').next().unwrap_or_default().to_owned()
}

fn message(answer: &Answer) -> String {
    json(answer)["message"].as_str().unwrap_or_default().to_owned()
}

fn create_queue(server: &TestServer, name: &str) -> String {
    let created = by_root(server, "CreateQueue", &object!({ "QueueName": name }));
    assert_eq!(created.status, 200, "{}", created.text());
    json(&created)["QueueUrl"].as_str().expect("a URL").to_owned()
}

fn set_policy(server: &TestServer, url: &str, statement: &Value) {
    let policy = object!({ "Version": "2012-10-17", "Statement": statement }).to_string();
    let input = object!({ "QueueUrl": url, "Attributes": { "Policy": policy } });
    let set = by_root(server, "SetQueueAttributes", &input);
    assert_eq!(set.status, 200, "{}", set.text());
}

#[test]
fn nobody_gets_in_unsigned() {
    let server = server();
    let url = create_queue(&server, "q");
    let input = object!({ "QueueUrl": url, "MessageBody": "hello" });
    let denied = unsigned(&server, "SendMessage", &input);
    assert_eq!((denied.status, code(&denied).as_str()), (403, "AccessDenied"));
    assert!(message(&denied).starts_with("Access to the resource http://localhost/ is denied"));
    assert_eq!(code(&unsigned(&server, "ListQueues", &object!({}))), "AccessDenied");
    let create = object!({ "QueueName": "mine" });
    assert_eq!(code(&unsigned(&server, "CreateQueue", &create)), "AccessDenied");
    assert_eq!(by_root(&server, "SendMessage", &input).status, 200);
    server.drain();
}

#[test]
fn a_queue_that_is_public_for_one_action_is_so_for_no_other() {
    let server = server();
    let url = create_queue(&server, "q");
    set_policy(
        &server,
        &url,
        &object!({ "Effect": "Allow", "Principal": "*", "Action": ["sqs:SendMessage"], "Resource": "*" }),
    );
    let send = object!({ "QueueUrl": url, "MessageBody": "hello" });
    assert_eq!(unsigned(&server, "SendMessage", &send).status, 200);
    let batch = object!({ "QueueUrl": url, "Entries": [{ "Id": "a", "MessageBody": "hello" }] });
    assert_eq!(unsigned(&server, "SendMessageBatch", &batch).status, 200, "as SendMessage");
    let queue = object!({ "QueueUrl": url });
    for operation in ["ReceiveMessage", "PurgeQueue", "GetQueueAttributes", "DeleteQueue"] {
        assert_eq!(code(&unsigned(&server, operation, &queue)), "AccessDenied", "{operation}");
    }
    let received = by_root(&server, "ReceiveMessage", &object!({ "QueueUrl": url }));
    assert_eq!(json(&received)["Messages"][0]["Body"], "hello");
    server.drain();
}

#[test]
fn what_only_the_owner_may_do_no_policy_gives_to_others() {
    let server = server();
    let url = create_queue(&server, "q");
    set_policy(
        &server,
        &url,
        &object!({ "Effect": "Allow", "Principal": { "AWS": "*" }, "Action": "SQS:*", "Resource": "*" }),
    );
    let queue = object!({ "QueueUrl": url });
    assert_eq!(unsigned(&server, "ReceiveMessage", &queue).status, 200);
    for operation in ["DeleteQueue", "ListQueueTags", "SetQueueAttributes", "RemovePermission"] {
        assert_eq!(code(&unsigned(&server, operation, &queue)), "AccessDenied", "{operation}");
    }
    server.drain();
}

#[test]
fn a_deny_counts_for_the_root_as_well_but_it_can_be_mended() {
    let server = server();
    let url = create_queue(&server, "q");
    set_policy(
        &server,
        &url,
        &object!({
            "Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "arn:aws:sqs:*:*:q",
            "Condition": { "Bool": { "aws:SecureTransport": "false" } },
        }),
    );
    let send = object!({ "QueueUrl": url, "MessageBody": "in the clear" });
    let denied = by_root(&server, "SendMessage", &send);
    assert_eq!((denied.status, code(&denied).as_str()), (403, "AccessDenied"));
    assert_eq!(
        message(&denied),
        "User: arn:aws:iam::000000000000:root is not authorized to perform: sqs:sendmessage on resource: \
         arn:aws:sqs:us-east-1:000000000000:q with an explicit deny in a resource-based policy"
    );
    let mend = object!({ "QueueUrl": url, "Attributes": { "Policy": "" } });
    assert_eq!(by_root(&server, "SetQueueAttributes", &mend).status, 200);
    assert_eq!(by_root(&server, "SendMessage", &send).status, 200);
    server.drain();
}

#[test]
fn conditions_look_at_the_request() {
    let server = server();
    let url = create_queue(&server, "q");
    let tag = object!({ "QueueUrl": url, "Tags": { "Team": "red" } });
    assert_eq!(by_root(&server, "TagQueue", &tag).status, 200);
    let send = object!({ "QueueUrl": url, "MessageBody": "hello" });
    for (condition, is_met) in [
        (object!({ "IpAddress": { "aws:SourceIp": "127.0.0.0/8" } }), true),
        (object!({ "NotIpAddress": { "aws:SourceIp": "127.0.0.0/8" } }), false),
        (object!({ "StringEquals": { "aws:ResourceTag/team": "red" } }), true),
        (object!({ "StringEquals": { "aws:ResourceTag/team": "blue" } }), false),
        (object!({ "DateGreaterThan": { "aws:CurrentTime": "2026-01-01T00:00:00Z" } }), true),
        (object!({ "DateLessThan": { "aws:CurrentTime": "2026-01-01T00:00:00Z" } }), false),
        (object!({ "NumericGreaterThan": { "aws:EpochTime": "1700000000" } }), true),
        (object!({ "StringEquals": { "aws:RequestedRegion": "us-east-1" } }), true),
        (object!({ "StringLike": { "aws:UserAgent": "*" } }), false),
        (object!({ "Null": { "aws:SourceVpce": "true" } }), true),
    ] {
        set_policy(
            &server,
            &url,
            &object!({
                "Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*",
                "Condition": condition,
            }),
        );
        let answer = unsigned(&server, "SendMessage", &send);
        assert_eq!(answer.status == 200, is_met, "{condition}: {}", answer.text());
    }
    server.drain();
}

#[test]
fn a_queue_that_does_not_exist_is_said_not_to() {
    let server = server();
    let absent = object!({ "QueueUrl": "http://localhost/000000000000/absent" });
    for answer in
        [unsigned(&server, "PurgeQueue", &absent), by_root(&server, "PurgeQueue", &absent)]
    {
        assert_eq!(code(&answer), "AWS.SimpleQueueService.NonExistentQueue");
    }
    server.drain();
}

#[test]
fn operations_that_do_more_need_more() {
    let server = server();
    let dead = create_queue(&server, "dead");
    create_queue(&server, "target");
    let arn = |name: &str| format!("arn:aws:sqs:us-east-1:000000000000:{name}");
    let deny = |url: &str, action: &str| {
        let statement =
            object!({ "Effect": "Deny", "Principal": "*", "Action": action, "Resource": "*" });
        set_policy(&server, url, &statement);
    };
    let start = object!({ "SourceArn": arn("dead"), "DestinationArn": arn("target") });
    deny(&dead, "sqs:DeleteMessage");
    let denied = by_root(&server, "StartMessageMoveTask", &start);
    assert!(message(&denied).contains("sqs:deletemessage"), "{}", denied.text());
    deny(&dead, "sqs:GetQueueAttributes");
    let list = object!({ "SourceArn": arn("dead") });
    assert_eq!(code(&by_root(&server, "ListMessageMoveTasks", &list)), "AccessDenied");
    deny(&dead, "sqs:TagQueue");
    let again = object!({ "QueueName": "dead", "tags": { "a": "b" } });
    let denied = by_root(&server, "CreateQueue", &again);
    assert!(message(&denied).contains("sqs:tagqueue"), "{}", denied.text());
    assert_eq!(by_root(&server, "CreateQueue", &object!({ "QueueName": "dead" })).status, 200);
    server.drain();
}
