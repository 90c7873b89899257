//! Queues whose bodies are encrypted under a key of KMS: who can use them, and what becomes of them with the key.

use std::sync::Arc;

use serde_json::{Value, json as object};
use sluice_server::clock::{Clock, SetTime, SystemClock, VirtualClock};
use sluice_server::config::{Access, Config};
use sluice_server::encryption::MasterKey;
use sluice_server::services::Switch;

use crate::client::{
    ACCOUNT, Credentials, OTHER_ACCOUNT, Outcome, allow, call, done, policy, root, user, verifying,
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
    assert_eq!(bodies(&receive(&server, &root, &url)), ["a", "c", "d", "e"], "without the other");
    of_key(&server, "EnableKey", &first);
    assert_eq!(bodies(&receive(&server, &root, &url)).len(), 5);
    server.drain();
}

/// A queue with a dead-letter queue for what was received three times. Its first message was sent under a key that is disabled now,
/// the others under the key that it has.
struct Mixed {
    server: TestServer,
    clock: Arc<VirtualClock>,
    /// The key of the first message.
    old_key: String,
    url: String,
    dead: String,
}

const VISIBILITY_TIMEOUT_MS: u64 = 30_000;

impl Mixed {
    /// With messages of these groups after the first, which is of the first group; on a standard queue groups are tenants.
    fn start(suffix: &str, groups: &[&str]) -> Self {
        let clock = Arc::new(VirtualClock::frozen_at(SystemClock.now_ms()));
        let server = TestServer::start_with(|config| {
            with_master_key(config);
            config.access = Access::Anyone;
            config.extensions.peek = Switch::On;
            config.virtual_clock = Some(Arc::clone(&clock));
        });
        let (old_key, key) = (create_key(&server), create_key(&server));
        let of_kind = |mut attributes: Value| {
            if suffix == ".fifo" {
                attributes["FifoQueue"] = object!("true");
                attributes["ContentBasedDeduplication"] = object!("true");
            }
            attributes
        };
        let dead = create_queue(&server, &format!("dead{suffix}"), &of_kind(object!({})));
        let redrive = object!({
            "deadLetterTargetArn": format!("arn:aws:sqs:us-east-1:{ACCOUNT}:dead{suffix}"),
            "maxReceiveCount": "3",
        });
        let attributes =
            object!({ "KmsMasterKeyId": old_key, "RedrivePolicy": redrive.to_string() });
        let url = create_queue(&server, &format!("q{suffix}"), &of_kind(attributes));
        let mixed = Self { server, clock, old_key, url, dead };
        mixed.send("old", groups[0]);
        use_key(&mixed.server, &mixed.url, &key);
        for (number, group) in groups.iter().enumerate() {
            mixed.send(&number.to_string(), group);
        }
        of_key(&mixed.server, "DisableKey", &mixed.old_key);
        mixed
    }

    fn send(&self, body: &str, group: &str) {
        let mut input = object!({ "QueueUrl": self.url, "MessageBody": body });
        if !group.is_empty() {
            input["MessageGroupId"] = object!(group);
        }
        done(&self.server, &root(ACCOUNT), "SendMessage", &input);
    }

    /// A receive that hides what it returns.
    fn receive(&self) -> Outcome {
        let input = object!({
            "QueueUrl": self.url, "MaxNumberOfMessages": 10, "AttributeNames": ["All"],
            "VisibilityTimeout": VISIBILITY_TIMEOUT_MS / 1_000,
        });
        call(&self.server, &root(ACCOUNT), "ReceiveMessage", &input)
    }

    fn time_out(&self) {
        assert!(self.clock.set(SetTime::Forward(VISIBILITY_TIMEOUT_MS + 1), None));
    }

    /// Deletes what a receive returned.
    fn delete(&self, received: &Outcome) {
        let answer: Value = serde_json::from_str(&received.text).expect("JSON");
        for message in answer["Messages"].as_array().expect("messages") {
            let input =
                object!({ "QueueUrl": self.url, "ReceiptHandle": message["ReceiptHandle"] });
            done(&self.server, &root(ACCOUNT), "DeleteMessage", &input);
        }
    }

    /// The message whose key is disabled leaves for the dead-letter queue after three receives, alone, and is read there with its
    /// key. It was received so often before.
    fn first_ends_in_the_dead_letter_queue(&self, receives: u32) {
        self.time_out();
        for _ in receives..3 {
            assert_eq!(self.receive().code, "KMS.DisabledException", "there is no other");
        }
        assert_eq!(bodies(&self.receive()), [""; 0], "it moves");
        of_key(&self.server, "EnableKey", &self.old_key);
        assert_eq!(bodies(&receive(&self.server, &root(ACCOUNT), &self.dead)), ["old"]);
    }
}

/// How often each message of an answer was received.
fn receive_counts(outcome: &Outcome) -> Vec<String> {
    let answer: Value = serde_json::from_str(&outcome.text).expect("JSON");
    let messages = answer["Messages"].as_array().cloned().unwrap_or_default();
    let count = |message: &Value| message["Attributes"]["ApproximateReceiveCount"].clone();
    let counts = messages.iter().map(|message| count(message).as_str().map(str::to_owned));
    counts.map(|count| count.expect("a text")).collect()
}

#[test]
fn a_message_whose_key_cannot_be_used_does_not_keep_the_others_back() {
    let mixed = Mixed::start("", &[""; 9]);
    let peek = object!({ "QueueUrl": mixed.url });
    let peeked = call(&mixed.server, &root(ACCOUNT), "PeekMessages", &peek);
    assert_eq!(bodies(&peeked).len(), 9);
    for count in ["1", "2"] {
        let received = mixed.receive();
        assert_eq!(bodies(&received), ["0", "1", "2", "3", "4", "5", "6", "7", "8"]);
        assert_eq!(receive_counts(&received), [count; 9]);
        if count == "2" {
            mixed.delete(&received);
        }
        assert_eq!(bodies(&mixed.receive()), [""; 0], "it is hidden as well");
        mixed.time_out();
    }
    mixed.first_ends_in_the_dead_letter_queue(2);
    mixed.server.drain();
}

#[test]
fn in_a_message_group_nothing_overtakes_the_one_whose_key_cannot_be_used() {
    let mixed = Mixed::start(".fifo", &["g", "g", "h"]);
    let received = mixed.receive();
    assert_eq!(bodies(&received), ["2"], "of the other group");
    mixed.delete(&received);
    assert_eq!(bodies(&mixed.receive()), [""; 0], "what is hidden locks its group");
    mixed.time_out();
    assert_eq!(mixed.receive().code, "KMS.DisabledException", "there is no other");
    of_key(&mixed.server, "EnableKey", &mixed.old_key);
    let received: Value = serde_json::from_str(&mixed.receive().text).expect("JSON");
    let body = |index: usize| &received["Messages"][index]["Body"];
    assert_eq!([body(0), body(1), body(2)], ["old", "0", "1"], "in order");
    mixed.server.drain();
}

#[test]
fn messages_none_of_which_can_be_read_are_given_back_at_once() {
    let mixed = Mixed::start("", &["", ""]);
    let one = || {
        let input = object!({ "QueueUrl": mixed.url });
        call(&mixed.server, &root(ACCOUNT), "ReceiveMessage", &input)
    };
    for _ in 0..2 {
        let refused = one();
        assert_eq!((refused.status, refused.code.as_str()), (400, "KMS.DisabledException"));
    }
    of_key(&mixed.server, "EnableKey", &mixed.old_key);
    let received = mixed.receive();
    assert_eq!(bodies(&received), ["0", "1", "old"]);
    assert_eq!(receive_counts(&received), ["3", "1", "1"], "the refused receives count");
    mixed.server.drain();
}

#[test]
fn who_may_use_some_keys_gets_the_messages_that_they_open() {
    let server = server();
    let root = root(ACCOUNT);
    let (first, second) = (create_key(&server), create_key(&server));
    let url = create_queue(&server, "q", &object!({ "KmsMasterKeyId": first }));
    done(&server, &root, "SendMessage", &object!({ "QueueUrl": url, "MessageBody": "a" }));
    use_key(&server, &url, &second);
    done(&server, &root, "SendMessage", &object!({ "QueueUrl": url, "MessageBody": "b" }));
    let statements = |key: &str| {
        object!([
            { "Effect": "Allow", "Action": "sqs:*", "Resource": "*" },
            { "Effect": "Allow", "Action": "kms:Decrypt", "Resource": key },
        ])
    };
    let consumer = user(&server, &root, "consumer", &statements(&second));
    assert_eq!(bodies(&receive(&server, &consumer, &url)), ["b"]);
    allow(&server, &root, "consumer", &statements("*"));
    assert_eq!(bodies(&receive(&server, &consumer, &url)), ["a", "b"]);
    allow(&server, &root, "consumer", &statements(&first));
    let refused = receive(&server, &consumer, &url);
    assert_eq!(refused.code, "KMS.AccessDeniedException", "the key that the queue has comes first");
    server.drain();
}

#[test]
fn a_key_of_another_account_needs_its_policy_and_one_of_the_caller() {
    let server = server();
    let (owner, user_of) = (root(OTHER_ACCOUNT), root(ACCOUNT));
    let letting = |principals: &[&str]| {
        let principals: Vec<String> =
            principals.iter().map(|account| format!("arn:aws:iam::{account}:root")).collect();
        policy(&object!({
            "Effect": "Allow", "Principal": { "AWS": principals }, "Action": "kms:*", "Resource": "*",
        }))
    };
    let input = object!({ "Policy": letting(&[OTHER_ACCOUNT]) });
    let key = done(&server, &owner, "CreateKey", &input).member("/KeyMetadata/Arn");
    let url = create_queue(&server, "q", &object!({ "KmsMasterKeyId": key }));
    let on_queue = object!({ "Effect": "Allow", "Action": "sqs:*", "Resource": "*" });
    let actions = ["kms:GenerateDataKey", "kms:Decrypt"];
    let on_key = object!({ "Effect": "Allow", "Action": actions, "Resource": key });
    let both = object!([on_queue, on_key]);
    let alice = user(&server, &user_of, "alice", &both);
    let refused = |outcome: &Outcome| {
        assert_eq!((outcome.status, outcome.code.as_str()), (400, "KMS.AccessDeniedException"));
    };
    refused(&send(&server, &alice, &url, "hello"));
    let shared = letting(&[OTHER_ACCOUNT, ACCOUNT]);
    let input = object!({ "KeyId": key, "PolicyName": "default", "Policy": shared });
    done(&server, &owner, "PutKeyPolicy", &input);
    assert_eq!(send(&server, &alice, &url, "hello").status, 200);
    assert_eq!(bodies(&receive(&server, &alice, &url)), ["hello"]);
    allow(&server, &user_of, "alice", &object!([on_queue]));
    refused(&send(&server, &alice, &url, "hello"));
    refused(&receive(&server, &alice, &url));
    allow(&server, &user_of, "alice", &both);
    let input = object!({ "KeyId": key, "Policy": letting(&[OTHER_ACCOUNT]) });
    done(&server, &owner, "PutKeyPolicy", &input);
    refused(&send(&server, &alice, &url, "hello"));
    refused(&receive(&server, &alice, &url));
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
fn after_the_end_of_its_key_no_server_reads_a_message_whatever_its_clock_says() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let now_ms = SystemClock.now_ms();
    let start_at = |now_ms| {
        TestServer::start_with(|config| {
            with_master_key(config);
            config.access = Access::Anyone;
            config.virtual_clock = Some(Arc::new(VirtualClock::frozen_at(now_ms)));
            config.data_dir = dir.path().join("data");
        })
    };
    let root = root(ACCOUNT);
    let server = start_at(now_ms);
    let (doomed, kept) = (create_key(&server), create_key(&server));
    let url = create_queue(&server, "q", &object!({ "MessageRetentionPeriod": "1209600" }));
    for (key, body) in [(&doomed, "gone"), (&kept, "kept")] {
        use_key(&server, &url, key);
        done(&server, &root, "SendMessage", &object!({ "QueueUrl": url, "MessageBody": body }));
    }
    assert_eq!(bodies(&receive(&server, &root, &url)), ["gone", "kept"]);
    let input = object!({ "KeyId": doomed, "PendingWindowInDays": 7 });
    done(&server, &root, "ScheduleKeyDeletion", &input);
    server.drain();
    // A server looks for keys whose time is over before it does anything else about them.
    start_at(now_ms + 7 * DAY_MS + 1).drain();

    let server = start_at(now_ms + DAY_MS);
    let restored = call(&server, &root, "CancelKeyDeletion", &object!({ "KeyId": doomed }));
    assert_eq!(restored.code, "NotFound", "its time has not come for this server, but it is gone");
    let received = receive(&server, &root, &url);
    assert_eq!(bodies(&received), ["kept"]);
    let receipt = received.member("/Messages/0/ReceiptHandle");
    done(&server, &root, "DeleteMessage", &object!({ "QueueUrl": url, "ReceiptHandle": receipt }));
    assert_eq!(receive(&server, &root, &url).code, "KMS.NotFoundException");
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
