//! Policies of queues: for the root, and for those who do not sign at all.

use serde_json::{Value, json as object};

use crate::client::{ACCOUNT, Outcome, call, create_queue, root, server, set_policy, unsigned};
use crate::http_support::TestServer;

/// Makes a call that the root signs.
fn by_root(server: &TestServer, operation: &str, input: &Value) -> Outcome {
    call(server, &root(ACCOUNT), operation, input)
}

#[test]
fn nobody_gets_in_unsigned() {
    let server = server();
    let url = create_queue(&server, &root(ACCOUNT), "q");
    let input = object!({ "QueueUrl": url, "MessageBody": "hello" });
    let denied = unsigned(&server, "SendMessage", &input);
    assert_eq!((denied.status, denied.code.as_str()), (403, "AccessDenied"));
    assert!(denied.message.starts_with("Access to the resource http://localhost/ is denied"));
    assert_eq!(unsigned(&server, "ListQueues", &object!({})).code, "AccessDenied");
    let create = object!({ "QueueName": "mine" });
    assert_eq!(unsigned(&server, "CreateQueue", &create).code, "AccessDenied");
    assert_eq!(by_root(&server, "SendMessage", &input).status, 200);
    server.drain();
}

#[test]
fn a_queue_that_is_public_for_one_action_is_so_for_no_other() {
    let server = server();
    let url = create_queue(&server, &root(ACCOUNT), "q");
    set_policy(
        &server,
        &root(ACCOUNT),
        &url,
        &object!({ "Effect": "Allow", "Principal": "*", "Action": ["sqs:SendMessage"], "Resource": "*" }),
    );
    let send = object!({ "QueueUrl": url, "MessageBody": "hello" });
    assert_eq!(unsigned(&server, "SendMessage", &send).status, 200);
    let batch = object!({ "QueueUrl": url, "Entries": [{ "Id": "a", "MessageBody": "hello" }] });
    assert_eq!(unsigned(&server, "SendMessageBatch", &batch).status, 200, "as SendMessage");
    let queue = object!({ "QueueUrl": url });
    for operation in ["ReceiveMessage", "PurgeQueue", "GetQueueAttributes", "DeleteQueue"] {
        assert_eq!(unsigned(&server, operation, &queue).code, "AccessDenied", "{operation}");
    }
    let received = by_root(&server, "ReceiveMessage", &object!({ "QueueUrl": url }));
    assert_eq!(received.member("/Messages/0/Body"), "hello");
    server.drain();
}

#[test]
fn what_only_the_owner_may_do_no_policy_gives_to_others() {
    let server = server();
    let url = create_queue(&server, &root(ACCOUNT), "q");
    set_policy(
        &server,
        &root(ACCOUNT),
        &url,
        &object!({ "Effect": "Allow", "Principal": { "AWS": "*" }, "Action": "SQS:*", "Resource": "*" }),
    );
    let queue = object!({ "QueueUrl": url });
    assert_eq!(unsigned(&server, "ReceiveMessage", &queue).status, 200);
    for operation in ["DeleteQueue", "ListQueueTags", "SetQueueAttributes", "RemovePermission"] {
        assert_eq!(unsigned(&server, operation, &queue).code, "AccessDenied", "{operation}");
    }
    server.drain();
}

#[test]
fn a_deny_counts_for_the_root_as_well_but_it_can_be_mended() {
    let server = server();
    let url = create_queue(&server, &root(ACCOUNT), "q");
    set_policy(
        &server,
        &root(ACCOUNT),
        &url,
        &object!({
            "Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "arn:aws:sqs:*:*:q",
            "Condition": { "Bool": { "aws:SecureTransport": "false" } },
        }),
    );
    let send = object!({ "QueueUrl": url, "MessageBody": "in the clear" });
    let denied = by_root(&server, "SendMessage", &send);
    assert_eq!((denied.status, denied.code.as_str()), (403, "AccessDenied"));
    assert_eq!(
        denied.message,
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
    let url = create_queue(&server, &root(ACCOUNT), "q");
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
            &root(ACCOUNT),
            &url,
            &object!({
                "Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*",
                "Condition": condition,
            }),
        );
        let answer = unsigned(&server, "SendMessage", &send);
        assert_eq!(answer.status == 200, is_met, "{condition}: {}", answer.text);
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
        assert_eq!(answer.code, "AWS.SimpleQueueService.NonExistentQueue");
    }
    server.drain();
}

#[test]
fn operations_that_do_more_need_more() {
    let server = server();
    let dead = create_queue(&server, &root(ACCOUNT), "dead");
    create_queue(&server, &root(ACCOUNT), "target");
    let arn = |name: &str| format!("arn:aws:sqs:us-east-1:000000000000:{name}");
    let deny = |url: &str, action: &str| {
        let statement =
            object!({ "Effect": "Deny", "Principal": "*", "Action": action, "Resource": "*" });
        set_policy(&server, &root(ACCOUNT), url, &statement);
    };
    let start = object!({ "SourceArn": arn("dead"), "DestinationArn": arn("target") });
    deny(&dead, "sqs:DeleteMessage");
    let denied = by_root(&server, "StartMessageMoveTask", &start);
    assert!(denied.message.contains("sqs:deletemessage"), "{}", denied.text);
    deny(&dead, "sqs:GetQueueAttributes");
    let list = object!({ "SourceArn": arn("dead") });
    assert_eq!(by_root(&server, "ListMessageMoveTasks", &list).code, "AccessDenied");
    deny(&dead, "sqs:TagQueue");
    let again = object!({ "QueueName": "dead", "tags": { "a": "b" } });
    let denied = by_root(&server, "CreateQueue", &again);
    assert!(denied.message.contains("sqs:tagqueue"), "{}", denied.text);
    assert_eq!(by_root(&server, "CreateQueue", &object!({ "QueueName": "dead" })).status, 200);
    server.drain();
}
