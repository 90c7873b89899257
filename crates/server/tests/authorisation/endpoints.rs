//! VPC endpoints: listeners that policies can tell from others.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Value, json as object};
use sluice_server::config::{EndpointPolicy, ListenAddress, ListenerConfig, VpcEndpoint};

use crate::client::{
    ACCOUNT, call, call_at, create_queue, done, policy, root, set_policy, unsigned, unsigned_at,
    verifying,
};
use crate::http_support::TestServer;

const ID: &str = "vpce-0123456789abcdef0";
const VPC: &str = "vpc-0123456789abcdef0";

/// A server with a VPC endpoint besides its own listener, and where that is.
fn server(policy: Option<&str>) -> (TestServer, ListenAddress) {
    let policy = policy.map(|text| EndpointPolicy::parse(text).expect("a good policy"));
    let (id, vpc, account) = (ID.to_owned(), Some(VPC.to_owned()), ACCOUNT.to_owned());
    let server = TestServer::start_with(|config| {
        verifying(config);
        config.further_listeners = vec![ListenerConfig {
            name: Some("lan".to_owned()),
            endpoint: Some(Arc::new(VpcEndpoint { id, vpc, account, policy })),
            ..ListenerConfig::new(SocketAddr::from(([127, 0, 0, 1], 0)))
        }];
    });
    let endpoint = server.addresses()[1].clone();
    (server, endpoint)
}

fn to_everybody(effect: &str, condition: &Value) -> Value {
    object!({
        "Effect": effect, "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*", "Condition": condition,
    })
}

#[test]
fn conditions_tell_an_endpoint_from_the_open_network() {
    let (server, endpoint) = server(None);
    let url = create_queue(&server, &root(ACCOUNT), "q");
    let send = object!({ "QueueUrl": url, "MessageBody": "hello" });
    let other = "vpce-0123456789abcdef1";
    for (condition, holds_outside, holds_inside) in [
        (object!({ "StringEquals": { "aws:SourceVpce": ID } }), false, true),
        (object!({ "StringEquals": { "aws:SourceVpce": other } }), false, false),
        (object!({ "StringNotEquals": { "aws:SourceVpce": ID } }), true, false),
        (object!({ "StringEquals": { "aws:SourceVpc": VPC } }), false, true),
        (object!({ "StringEquals": { "aws:VpceAccount": ACCOUNT } }), false, true),
        (object!({ "IpAddress": { "aws:VpcSourceIp": "127.0.0.0/8" } }), false, true),
        (object!({ "IpAddress": { "aws:VpcSourceIp": "10.0.0.0/8" } }), false, false),
        (object!({ "IpAddress": { "aws:SourceIp": "127.0.0.0/8" } }), true, false),
        (object!({ "NotIpAddress": { "aws:SourceIp": "127.0.0.0/8" } }), false, true),
        (object!({ "Null": { "aws:SourceIp": "true" } }), false, true),
    ] {
        set_policy(&server, &root(ACCOUNT), &url, &to_everybody("Allow", &condition));
        let is_sent = [
            unsigned(&server, "SendMessage", &send).status == 200,
            unsigned_at(&endpoint, "SendMessage", &send).status == 200,
        ];
        assert_eq!(is_sent, [holds_outside, holds_inside], "{condition}");
    }
    server.drain();
}

#[test]
fn a_deny_of_other_addresses_denies_an_endpoint_too() {
    let (server, endpoint) = server(None);
    let url = create_queue(&server, &root(ACCOUNT), "q");
    let condition = object!({ "NotIpAddress": { "aws:SourceIp": "127.0.0.0/8" } });
    set_policy(&server, &root(ACCOUNT), &url, &to_everybody("Deny", &condition));
    let send = object!({ "QueueUrl": url, "MessageBody": "hello" });
    assert_eq!(call(&server, &root(ACCOUNT), "SendMessage", &send).status, 200);
    let denied = call_at(&endpoint, &root(ACCOUNT), "SendMessage", &send);
    assert_eq!(denied.code, "AccessDenied");
    assert!(
        denied.message.ends_with("with an explicit deny in a resource-based policy"),
        "{}",
        denied.message
    );
    server.drain();
}

#[test]
fn the_policy_of_an_endpoint_only_takes_away() {
    let policy = policy(&object!({
        "Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:*:*:q",
    }));
    let (server, endpoint) = server(Some(&policy));
    let url = create_queue(&server, &root(ACCOUNT), "q");
    let send = object!({ "QueueUrl": url, "MessageBody": "hello" });
    assert_eq!(call_at(&endpoint, &root(ACCOUNT), "SendMessage", &send).status, 200);
    assert_eq!(
        unsigned_at(&endpoint, "SendMessage", &send).code,
        "AccessDenied",
        "it gives nothing"
    );
    let receive = object!({ "QueueUrl": url });
    let denied = call_at(&endpoint, &root(ACCOUNT), "ReceiveMessage", &receive);
    assert_eq!((denied.status, &*denied.code), (403, "AccessDenied"));
    assert_eq!(
        denied.message,
        "User: arn:aws:iam::000000000000:root is not authorized to perform: sqs:receivemessage on resource: \
         arn:aws:sqs:us-east-1:000000000000:q because no VPC endpoint policy allows the sqs:receivemessage action"
    );
    let users = call_at(&endpoint, &root(ACCOUNT), "ListUsers", &object!({}));
    assert_eq!(users.code, "AccessDenied", "of every service");
    assert_eq!(call(&server, &root(ACCOUNT), "ReceiveMessage", &receive).status, 200, "outside");
    server.drain();
}

#[test]
fn what_sqs_asks_of_keys_for_its_caller_does_not_pass_the_endpoint() {
    let policy = policy(&object!({
        "Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "*",
    }));
    let (server, endpoint) = server(Some(&policy));
    let key = done(&server, &root(ACCOUNT), "CreateKey", &object!({})).member("/KeyMetadata/KeyId");
    let create = object!({ "QueueName": "q", "Attributes": { "KmsMasterKeyId": key } });
    let url = done(&server, &root(ACCOUNT), "CreateQueue", &create).member("/QueueUrl");
    let send = object!({ "QueueUrl": url, "MessageBody": "hello" });
    let sent = call_at(&endpoint, &root(ACCOUNT), "SendMessage", &send);
    assert_eq!(sent.status, 200, "{}", sent.text);
    let encrypt = object!({ "KeyId": key, "Plaintext": "aGVsbG8=" });
    let direct = call_at(&endpoint, &root(ACCOUNT), "Encrypt", &encrypt);
    assert_eq!(direct.code, "AccessDenied");
    server.drain();
}

#[test]
fn the_root_mends_what_a_queue_denies_but_not_past_an_endpoint() {
    let deny_all =
        object!({ "Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*" });
    let mend = |url: &str| object!({ "QueueUrl": url, "Attributes": { "Policy": "" } });
    let (open, endpoint) = server(None);
    let url = create_queue(&open, &root(ACCOUNT), "q");
    set_policy(&open, &root(ACCOUNT), &url, &deny_all);
    assert_eq!(call_at(&endpoint, &root(ACCOUNT), "SetQueueAttributes", &mend(&url)).status, 200);
    open.drain();

    let (closed, endpoint) = server(Some(&policy(&deny_all)));
    let url = create_queue(&closed, &root(ACCOUNT), "q");
    set_policy(&closed, &root(ACCOUNT), &url, &deny_all);
    let denied = call_at(&endpoint, &root(ACCOUNT), "SetQueueAttributes", &mend(&url));
    assert!(
        denied.message.ends_with("with an explicit deny in a VPC endpoint policy"),
        "{}",
        denied.message
    );
    assert_eq!(call(&closed, &root(ACCOUNT), "SetQueueAttributes", &mend(&url)).status, 200);
    closed.drain();
}
