//! Rules of SQS that no golden pair can show: they need other settings, large bodies, or more than one answer.

mod http_support;

use std::collections::BTreeSet;

use http_support::{Answer, TestServer, json};
use serde_json::{Value, json as value};
use sluice_server::services::sqs;

fn call(server: &TestServer, operation: &str, input: &Value) -> Answer {
    server.connect().call(operation, &input.to_string())
}

fn ok(server: &TestServer, operation: &str, input: &Value) -> Value {
    let answer = call(server, operation, input);
    assert_eq!(answer.status, 200, "{operation}: {}", answer.text());
    if answer.body.is_empty() { Value::Null } else { json(&answer) }
}

/// Makes a call without effect on the queue's name and attributes, and gives its error's code.
fn refusal(server: &TestServer, operation: &str, input: &Value) -> (u16, String) {
    let answer = call(server, operation, input);
    let code = answer.header("x-amzn-query-error").split(';').next().unwrap_or_default();
    (answer.status, code.rsplit('.').next().unwrap_or_default().to_owned())
}

fn fifo(server: &TestServer, name: &str, attributes: &Value) {
    let mut all = value!({"FifoQueue": "true", "ContentBasedDeduplication": "true"});
    for (name, text) in attributes.as_object().expect("attributes") {
        all[name] = text.clone();
    }
    ok(server, "CreateQueue", &value!({"QueueName": name, "Attributes": all}));
}

#[test]
fn only_short_polls_of_standard_queues_see_the_in_flight_limit() {
    let server = TestServer::start_with(|config| config.in_flight_max = 1);
    server.create_queue("q");
    fifo(&server, "q.fifo", &value!({}));
    for body in ["a", "b"] {
        ok(&server, "SendMessage", &value!({"QueueUrl": "q", "MessageBody": body}));
        let grouped = value!({"QueueUrl": "q.fifo", "MessageBody": body, "MessageGroupId": body});
        ok(&server, "SendMessage", &grouped);
    }
    for queue in ["q", "q.fifo"] {
        let received = ok(&server, "ReceiveMessage", &value!({"QueueUrl": queue}));
        assert_eq!(received["Messages"].as_array().map(Vec::len), Some(1), "{queue}");
    }
    let text = "Too many messages have been received without being deleted. Please delete your \
                received messages or let them timeout before receiving more.";
    let answer = call(&server, "ReceiveMessage", &value!({"QueueUrl": "q"}));
    assert_eq!(answer.status, 403);
    assert_eq!(answer.header("x-amzn-query-error"), "OverLimit;Sender");
    assert_eq!(json(&answer), value!({"__type": "com.amazonaws.sqs#OverLimit", "message": text}));
    let query = "/000000000000/q?Action=ReceiveMessage&Version=2012-11-05";
    let answer = server.connect().request("GET", query);
    assert_eq!(answer.status, 403);
    let error =
        format!("<Type>Sender</Type><Code>OverLimit</Code><Message>{text}</Message><Detail/>");
    assert!(answer.text().contains(&error), "{}", answer.text());
    let long = value!({"QueueUrl": "q", "WaitTimeSeconds": 1});
    assert_eq!(ok(&server, "ReceiveMessage", &long), value!({}));
    assert_eq!(ok(&server, "ReceiveMessage", &value!({"QueueUrl": "q.fifo"})), value!({}));
}

#[test]
fn a_batch_is_judged_by_ids_size_duplicates_and_count_in_this_order() {
    let server = TestServer::start();
    server.create_queue("q");
    let entry = |id: &str, body: &str| value!({"Id": id, "MessageBody": body});
    let refused = |entries: &[Value]| {
        refusal(&server, "SendMessageBatch", &value!({"QueueUrl": "q", "Entries": entries})).1
    };
    let long = "x".repeat(1_048_577);
    assert_eq!(refused(&[entry("a b", &long)]), "InvalidBatchEntryId");
    assert_eq!(refused(&[entry("a", &long), entry("a", "x")]), "BatchRequestTooLong");
    assert_eq!(refused(&vec![entry("a", "x"); 11]), "BatchEntryIdsNotDistinct");
    let distinct: Vec<Value> = (0..11).map(|n| entry(&n.to_string(), "x")).collect();
    assert_eq!(refused(&distinct), "TooManyEntriesInBatchRequest");
    let counters = value!({"QueueUrl": "q", "AttributeNames": ["ApproximateNumberOfMessages"]});
    let counted = ok(&server, "GetQueueAttributes", &counters);
    assert_eq!(counted["Attributes"]["ApproximateNumberOfMessages"], "0", "nothing was sent");
}

#[test]
fn the_size_of_a_batch_does_not_depend_on_the_queue() {
    let server = TestServer::start();
    let small = value!({"QueueName": "q", "Attributes": {"MaximumMessageSize": "1024"}});
    ok(&server, "CreateQueue", &small);
    let batch = |first: usize| {
        let name = "n".repeat(10);
        let attributes = value!({name: {"DataType": "Binary", "BinaryValue": "AQID"}});
        // Ten bytes of name, six of type and three of value count besides the bodies.
        value!({"QueueUrl": "q", "Entries": [
            {"Id": "long", "MessageBody": "x".repeat(first)},
            {"Id": "good", "MessageBody": "x".repeat(1_000), "MessageAttributes": attributes},
        ]})
    };
    let limit = 1_048_576 - 1_000 - 19;
    let answer = ok(&server, "SendMessageBatch", &batch(limit));
    assert_eq!(answer["Successful"][0]["Id"], "good");
    assert_eq!(answer["Failed"][0]["Id"], "long");
    assert_eq!(answer["Failed"][0]["Code"], "InvalidParameterValue");
    let answer = call(&server, "SendMessageBatch", &batch(limit + 1));
    let text = "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes.";
    assert_eq!(json(&answer)["message"], text);
}

#[test]
fn every_receive_gives_another_handle_for_the_same_message() {
    let server = TestServer::start();
    server.create_queue("q");
    let sent = ok(&server, "SendMessage", &value!({"QueueUrl": "q", "MessageBody": "x"}));
    let id = sent["MessageId"].as_str().expect("an id");
    assert_eq!((id.len(), &id[14..15]), (36, "4"), "a UUID of version 4: {id}");
    let mut handles = BTreeSet::new();
    let again = value!({
        "QueueUrl": "q", "VisibilityTimeout": 0, "AttributeNames": ["ApproximateReceiveCount"]
    });
    for count in 1..=3 {
        let received = ok(&server, "ReceiveMessage", &again);
        let message = &received["Messages"][0];
        assert_eq!(message["MessageId"], id);
        assert_eq!(message["Attributes"]["ApproximateReceiveCount"], count.to_string());
        let handle = message["ReceiptHandle"].as_str().expect("a handle").to_owned();
        assert!(handle.starts_with("AQEB") && handle.len() <= 1024, "{handle}");
        assert!(handles.insert(handle), "the handle was given before");
    }
}

#[test]
fn a_duplicate_is_answered_like_the_first_message_in_its_scope() {
    let server = TestServer::start();
    fifo(&server, "q.fifo", &value!({}));
    let per_group = value!({"DeduplicationScope": "messageGroup"});
    fifo(&server, "groups.fifo", &per_group);
    let send = |queue: &str, group: &str| {
        let input = value!({"QueueUrl": queue, "MessageBody": "x", "MessageGroupId": group});
        let sent = ok(&server, "SendMessage", &input);
        let text = |member: &str| sent[member].as_str().expect("a text").to_owned();
        (text("MessageId"), text("SequenceNumber"))
    };
    let first = send("q.fifo", "g");
    assert_eq!(send("q.fifo", "g"), first);
    assert_eq!(send("q.fifo", "h"), first);
    let first = send("groups.fifo", "g");
    assert_eq!(send("groups.fifo", "g"), first);
    let other = send("groups.fifo", "h");
    assert_ne!(other.0, first.0);
    assert!(other.1 > first.1 && other.1.len() == 20, "{} comes after {}", other.1, first.1);
}

#[test]
fn times_of_queues_are_seconds_and_times_of_messages_are_milliseconds() {
    let server = TestServer::start();
    server.create_queue("q");
    ok(&server, "SendMessage", &value!({"QueueUrl": "q", "MessageBody": "x"}));
    let all = value!({"QueueUrl": "q", "AttributeNames": ["All"]});
    let queue = ok(&server, "GetQueueAttributes", &all)["Attributes"].clone();
    let message = ok(&server, "ReceiveMessage", &all)["Messages"][0]["Attributes"].clone();
    for name in ["CreatedTimestamp", "LastModifiedTimestamp"] {
        assert_eq!(queue[name].as_str().map(str::len), Some(10), "{name}: {queue}");
    }
    for name in ["SentTimestamp", "ApproximateFirstReceiveTimestamp"] {
        assert_eq!(message[name].as_str().map(str::len), Some(13), "{name}: {message}");
    }
}

#[test]
fn nobody_sees_the_queues_of_another_account_in_a_list() {
    let server = TestServer::start();
    server.create_queue("q");
    let body = r#"{"QueueOwnerAWSAccountId":"000000000000","QueueName":"q"}"#;
    let found = server.connect().call("GetQueueUrl", body);
    assert_eq!(json(&found)["QueueUrl"], "http://localhost/000000000000/q");
    let mut stranger = server.connect();
    stranger.send(
        "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: AmazonSQS.ListQueues\r\n\
         Content-Type: application/x-amz-json-1.0\r\nContent-Length: 2\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=111122223333/20261121/us-east-1/sqs/\
         aws4_request, SignedHeaders=host, Signature=00\r\n\r\n{}",
    );
    assert_eq!(json(&stranger.answer()), value!({}));
}

#[test]
fn batches_are_authorised_as_single_calls() {
    for operation in sqs::SERVICE.operations {
        let expected = match operation.name {
            "PeekMessages" => "ReceiveMessage",
            name => name.strip_suffix("Batch").unwrap_or(name),
        };
        assert_eq!(operation.iam_action, format!("sqs:{expected}"));
    }
}

#[test]
fn the_operations_are_those_of_sqs() {
    let names: BTreeSet<&str> =
        sqs::SERVICE.operations.iter().map(|operation| operation.name).collect();
    let sqs = [
        "AddPermission",
        "CancelMessageMoveTask",
        "ChangeMessageVisibility",
        "ChangeMessageVisibilityBatch",
        "CreateQueue",
        "DeleteMessage",
        "DeleteMessageBatch",
        "DeleteQueue",
        "GetQueueAttributes",
        "GetQueueUrl",
        "ListDeadLetterSourceQueues",
        "ListMessageMoveTasks",
        "ListQueueTags",
        "ListQueues",
        "PurgeQueue",
        "ReceiveMessage",
        "RemovePermission",
        "SendMessage",
        "SendMessageBatch",
        "SetQueueAttributes",
        "StartMessageMoveTask",
        "TagQueue",
        "UntagQueue",
    ];
    assert!(sqs.iter().all(|name| names.contains(name)), "{names:?}");
    let more: Vec<&&str> = names.iter().filter(|name| !sqs.contains(name)).collect();
    assert_eq!(more, [&"PeekMessages"], "an extension");
}

#[test]
fn a_list_of_move_tasks_has_the_newest_one_unless_it_is_told_how_many() {
    let server = TestServer::start();
    let dlq = "arn:aws:sqs:us-east-1:000000000000:dlq";
    let policy = value!({"deadLetterTargetArn": dlq, "maxReceiveCount": 1}).to_string();
    server.create_queue("dlq");
    let source = value!({"QueueName": "q", "Attributes": {"RedrivePolicy": policy}});
    ok(&server, "CreateQueue", &source);
    let list = |input: &Value| ok(&server, "ListMessageMoveTasks", input)["Results"].clone();
    let newest = value!({"SourceArn": dlq});
    let destination = "arn:aws:sqs:us-east-1:000000000000:q";
    for input in [newest.clone(), value!({"SourceArn": dlq, "DestinationArn": destination})] {
        ok(&server, "StartMessageMoveTask", &input);
        // Each answer takes a while; the task has nothing to move.
        let is_completed = |_: &i32| list(&newest)[0]["Status"] == "COMPLETED";
        assert!((0..10_000).any(|turn| is_completed(&turn)), "{}", list(&newest));
    }
    let one = list(&newest);
    assert_eq!(one.as_array().map(Vec::len), Some(1));
    assert_eq!(one[0]["DestinationArn"], destination);
    let both = list(&value!({"SourceArn": dlq, "MaxResults": 10}));
    assert_eq!(both.as_array().map(Vec::len), Some(2));
    assert_eq!(both[0], one[0], "the newest comes first");
    assert_eq!(both[1].get("DestinationArn"), None);
}
