//! Queues whose bodies are encrypted under a key of KMS: who can use them, and what becomes of them with the key.

use std::sync::Arc;

use serde_json::{Value, json as object};
use sluice_server::clock::{Clock, SetTime, SystemClock, VirtualClock};
use sluice_server::config::{Access, Config};
use sluice_server::encryption::MasterKey;
use sluice_server::services::Switch;

use crate::client::{
    ACCOUNT, Credentials, Outcome, allow, call, done, policy, root, user, verifying,
};
use crate::http_support::TestServer;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

fn with_master_key(config: &mut Config) {
    let key = MasterKey::parse("3q2+796tvu/erb7v3q2+796tvu/erb7v3q2+796tvu8=");
    config.master_key = Some(key.expect("32 bytes"));
}

fn server() -> TestServer {
    TestServer::start_with(|config| {
        verifying(config);
        with_master_key(config);
    })
}

/// The ARN of a new key.
fn create_key(server: &TestServer) -> String {
    done(server, &root(ACCOUNT), "CreateKey", &object!({})).member("/KeyMetadata/Arn")
}

fn create_queue(server: &TestServer, name: &str, attributes: &Value) -> String {
    let input = object!({ "QueueName": name, "Attributes": attributes });
    done(server, &root(ACCOUNT), "CreateQueue", &input).member("/QueueUrl")
}

fn use_key(server: &TestServer, url: &str, key: &str) {
    let input = object!({ "QueueUrl": url, "Attributes": { "KmsMasterKeyId": key } });
    done(server, &root(ACCOUNT), "SetQueueAttributes", &input);
}

fn of_key(server: &TestServer, operation: &str, key: &str) {
    done(server, &root(ACCOUNT), operation, &object!({ "KeyId": key }));
}

fn send(server: &TestServer, caller: &Credentials, url: &str, body: &str) -> Outcome {
    call(server, caller, "SendMessage", &object!({ "QueueUrl": url, "MessageBody": body }))
}

/// A receive that leaves the messages visible.
fn receive(server: &TestServer, caller: &Credentials, url: &str) -> Outcome {
    let input = object!({ "QueueUrl": url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0 });
    call(server, caller, "ReceiveMessage", &input)
}

/// The bodies of an answer, sorted.
fn bodies(outcome: &Outcome) -> Vec<String> {
    assert_eq!(outcome.status, 200, "{}", outcome.text);
    let answer: Value = serde_json::from_str(&outcome.text).expect("JSON");
    let messages = answer["Messages"].as_array().cloned().unwrap_or_default();
    let body = |message: &Value| message["Body"].as_str().expect("a body").to_owned();
    let mut bodies: Vec<String> = messages.iter().map(body).collect();
    bodies.sort();
    bodies
}

/// How often a receive has returned the only message of a queue.
fn receive_count(outcome: &Outcome) -> String {
    outcome.member("/Messages/0/Attributes/ApproximateReceiveCount")
}

#[test]
fn only_who_may_use_the_key_sends_and_receives() {
    let server = server();
    let root = root(ACCOUNT);
    let key = create_key(&server);
    let url = create_queue(&server, "q", &object!({ "KmsMasterKeyId": key }));
    let on_queue = |action: &str| object!({ "Effect": "Allow", "Action": action, "Resource": "*" });
    let on_key = |actions: &Value, condition: &Value| object!({ "Effect": "Allow", "Action": actions, "Resource": key, "Condition": condition });
    let via_sqs = object!({
        "StringEquals": { "kms:ViaService": "sqs.us-east-1.amazonaws.com" },
        "Bool": { "aws:ViaAWSService": "true" },
    });
    let via_other =
        object!({ "StringEquals": { "kms:ViaService": "sns.us-east-1.amazonaws.com" } });
    let arn = format!("arn:aws:sqs:us-east-1:{ACCOUNT}:q");
    let for_queue = object!({ "StringEquals": { "kms:EncryptionContext:aws:sqs:arn": arn } });

    let producer = user(&server, &root, "producer", &object!([on_queue("sqs:SendMessage")]));
    let denied = send(&server, &producer, &url, "hello");
    assert_eq!(
        (denied.status, denied.code.as_str()),
        (400, "KMS.AccessDeniedException"),
        "{}",
        denied.text
    );
    assert!(denied.message.contains("kms:GenerateDataKey"), "{}", denied.message);
    assert!(
        denied
            .message
            .contains("(Service: AWSKMS; Status Code: 400; Error Code: AccessDeniedException; ")
    );
    let both = object!(["kms:GenerateDataKey", "kms:Decrypt"]);
    for (actions, condition, is_allowed) in [
        (object!(["kms:GenerateDataKey"]), object!({}), false),
        (object!(["kms:Decrypt"]), object!({}), false),
        (both.clone(), via_other, false),
        (both.clone(), via_sqs, true),
        (both, for_queue.clone(), true),
    ] {
        let statements = object!([on_queue("sqs:SendMessage"), on_key(&actions, &condition)]);
        allow(&server, &root, "producer", &statements);
        let sent = send(&server, &producer, &url, "hello");
        assert_eq!(sent.status == 200, is_allowed, "{actions} {condition}: {}", sent.text);
    }

    let consumer = user(&server, &root, "consumer", &object!([on_queue("sqs:ReceiveMessage")]));
    assert_eq!(receive(&server, &consumer, &url).code, "KMS.AccessDeniedException");
    let decrypt = on_key(&object!("kms:Decrypt"), &for_queue);
    allow(&server, &root, "consumer", &object!([on_queue("sqs:ReceiveMessage"), decrypt]));
    assert_eq!(bodies(&receive(&server, &consumer, &url)), ["hello", "hello"]);
    server.drain();
}

#[test]
fn a_key_that_cannot_be_used_stops_its_queue_and_loses_nothing() {
    let server = server();
    let root = root(ACCOUNT);
    let key = create_key(&server);
    let url = create_queue(&server, "q", &object!({ "KmsMasterKeyId": key }));
    done(&server, &root, "SendMessage", &object!({ "QueueUrl": url, "MessageBody": "kept" }));
    let refused = |code: &str| {
        let entries = object!([{ "Id": "a", "MessageBody": "b" }]);
        for (operation, input) in [
            ("SendMessage", object!({ "QueueUrl": url, "MessageBody": "more" })),
            ("SendMessageBatch", object!({ "QueueUrl": url, "Entries": entries })),
            ("ReceiveMessage", object!({ "QueueUrl": url })),
        ] {
            let outcome = call(&server, &root, operation, &input);
            assert_eq!((outcome.status, outcome.code.as_str()), (400, code), "{operation}");
        }
    };
    of_key(&server, "DisableKey", &key);
    refused("KMS.DisabledException");
    of_key(&server, "EnableKey", &key);
    of_key(&server, "ScheduleKeyDeletion", &key);
    refused("KMS.InvalidStateException");
    of_key(&server, "CancelKeyDeletion", &key);
    of_key(&server, "EnableKey", &key);
    for nobody in ["alias/nobody", "nonsense"] {
        use_key(&server, &url, nobody);
        refused("KMS.NotFoundException");
    }
    use_key(&server, &url, &key);
    let input = object!({ "QueueUrl": url, "AttributeNames": ["All"] });
    let received = done(&server, &root, "ReceiveMessage", &input);
    assert_eq!(bodies(&received), ["kept"]);
    assert_eq!(receive_count(&received), "1", "nobody has touched it");
    server.drain();
}

#[test]
fn a_message_is_read_with_the_key_that_it_was_sent_under() {
    let server = server();
    let root = root(ACCOUNT);
    let (first, second) = (create_key(&server), create_key(&server));
    let url = create_queue(&server, "q", &object!({ "SqsManagedSseEnabled": "true" }));
    done(&server, &root, "SendMessage", &object!({ "QueueUrl": url, "MessageBody": "a" }));
    for (key, body) in [(&*first, "b"), (&second, "c"), ("alias/aws/sqs", "d")] {
        use_key(&server, &url, key);
        done(&server, &root, "SendMessage", &object!({ "QueueUrl": url, "MessageBody": body }));
    }
    assert_eq!(bodies(&receive(&server, &root, &url)), ["a", "b", "c", "d"]);
    of_key(&server, "RotateKeyOnDemand", &second);
    use_key(&server, &url, &second);
    done(&server, &root, "SendMessage", &object!({ "QueueUrl": url, "MessageBody": "e" }));
    assert_eq!(bodies(&receive(&server, &root, &url)), ["a", "b", "c", "d", "e"]);
    of_key(&server, "DisableKey", &first);
    let input = object!({ "QueueUrl": url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 600 });
    assert_eq!(call(&server, &root, "ReceiveMessage", &input).code, "KMS.DisabledException");
    of_key(&server, "EnableKey", &first);
    assert_eq!(bodies(&receive(&server, &root, &url)).len(), 5, "given back at once");
    server.drain();
}

#[test]
fn whoever_reads_dead_letters_needs_the_key_of_the_queue_they_came_from() {
    let server = server();
    let root = root(ACCOUNT);
    let key = create_key(&server);
    let dead = create_queue(&server, "dead", &object!({ "SqsManagedSseEnabled": "false" }));
    let redrive = object!({
        "deadLetterTargetArn": format!("arn:aws:sqs:us-east-1:{ACCOUNT}:dead"), "maxReceiveCount": "1",
    });
    let attributes = object!({ "KmsMasterKeyId": key, "RedrivePolicy": redrive.to_string() });
    let url = create_queue(&server, "source", &attributes);
    done(&server, &root, "SendMessage", &object!({ "QueueUrl": url, "MessageBody": "dead" }));
    assert_eq!(bodies(&receive(&server, &root, &url)), ["dead"]);
    assert!(bodies(&receive(&server, &root, &url)).is_empty(), "it moves");
    let on_queue = object!({ "Effect": "Allow", "Action": "sqs:*", "Resource": "*" });
    let reader = user(&server, &root, "reader", &object!([on_queue]));
    assert_eq!(receive(&server, &reader, &dead).code, "KMS.AccessDeniedException");
    let decrypt = object!({ "Effect": "Allow", "Action": "kms:Decrypt", "Resource": key });
    allow(&server, &root, "reader", &object!([on_queue, decrypt]));
    assert_eq!(bodies(&receive(&server, &reader, &dead)), ["dead"]);
    server.drain();
}

#[test]
fn what_the_account_does_not_let_its_identities_do_the_policy_of_the_key_gives() {
    let server = server();
    let root = root(ACCOUNT);
    let on_queue = object!({ "Effect": "Allow", "Action": "sqs:*", "Resource": "*" });
    let sender = user(&server, &root, "sender", &object!([on_queue]));
    let arn = format!("arn:aws:iam::{ACCOUNT}:user/sender");
    let statements = object!([
        { "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{ACCOUNT}:root") }, "Action": "kms:*", "Resource": "*" },
        { "Effect": "Allow", "Principal": { "AWS": arn }, "Action": ["kms:GenerateDataKey", "kms:Decrypt"], "Resource": "*" },
    ]);
    let input = object!({ "Policy": policy(&statements) });
    let key = done(&server, &root, "CreateKey", &input).member("/KeyMetadata/Arn");
    let url = create_queue(&server, "q", &object!({ "KmsMasterKeyId": key }));
    assert_eq!(send(&server, &sender, &url, "hello").status, 200);
    assert_eq!(bodies(&receive(&server, &sender, &url)), ["hello"]);
    let managed = create_queue(&server, "managed", &object!({ "KmsMasterKeyId": "alias/aws/sqs" }));
    assert_eq!(
        send(&server, &sender, &managed, "hello").status,
        200,
        "by way of SQS everybody may"
    );
    assert_eq!(bodies(&receive(&server, &sender, &managed)), ["hello"]);
    let encrypt = object!({ "KeyId": "alias/aws/sqs", "Plaintext": "aGVsbG8=" });
    for caller in [&sender, &root] {
        let direct = call(&server, caller, "Encrypt", &encrypt);
        assert_eq!(direct.code, "AccessDenied", "and in no other way");
    }
    server.drain();
}

#[test]
fn with_its_key_a_message_is_gone_for_good() {
    let clock = Arc::new(VirtualClock::frozen_at(SystemClock.now_ms()));
    let server = TestServer::start_with(|config| {
        with_master_key(config);
        config.access = Access::Anyone;
        config.virtual_clock = Some(Arc::clone(&clock));
    });
    let root = root(ACCOUNT);
    let key = create_key(&server);
    let url = create_queue(
        &server,
        "q",
        &object!({ "KmsMasterKeyId": key, "MessageRetentionPeriod": "1209600" }),
    );
    done(&server, &root, "SendMessage", &object!({ "QueueUrl": url, "MessageBody": "gone" }));
    let input = object!({ "KeyId": key, "PendingWindowInDays": 7 });
    done(&server, &root, "ScheduleKeyDeletion", &input);
    assert_eq!(receive(&server, &root, &url).code, "KMS.InvalidStateException");
    assert!(clock.set(SetTime::Forward(7 * DAY_MS + 1), None));
    assert_eq!(receive(&server, &root, &url).code, "KMS.NotFoundException");
    let restored = call(&server, &root, "CancelKeyDeletion", &object!({ "KeyId": key }));
    assert_eq!(restored.code, "NotFound", "too late");
    use_key(&server, &url, "alias/aws/sqs");
    assert_eq!(
        receive(&server, &root, &url).code,
        "KMS.NotFoundException",
        "no other key opens it"
    );
    server.drain();
}

#[test]
fn without_a_master_key_a_queue_with_a_key_is_refused() {
    let server = TestServer::start_with(|config| {
        verifying(config);
        config.keys_without_master_key = Switch::Off;
    });
    let root = root(ACCOUNT);
    let url = create_queue(&server, "q", &object!({ "KmsMasterKeyId": "alias/aws/sqs" }));
    let refused = send(&server, &root, &url, "hello");
    assert_eq!((refused.status, refused.code.as_str()), (403, "KMS.OptInRequired"));
    assert!(refused.message.contains("master_key_file"), "{}", refused.message);
    server.drain();
}
