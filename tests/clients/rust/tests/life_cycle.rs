//! The numbered scenarios of `../README.md` with the AWS SDK for Rust.

use std::collections::HashMap;
use std::fmt::Debug;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::operation::receive_message::builders::ReceiveMessageFluentBuilder;
use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry,
    DeleteMessageBatchRequestEntry, Message, MessageAttributeValue, MessageSystemAttributeName,
    QueueAttributeName, SendMessageBatchRequestEntry,
};

const BODY: &str = "  \r\n\t\"quoted\" 'single' <&> ]]> %41+b=c&d \\ é 日本語 😀 \r ";
const BODY_MD5: &str = "0da47c26fbee6f40ab6fdd7e40db41e4";
const ATTRIBUTES_MD5: &str = "f5bf0ba2bd9e7ede7198025c66483674";
const KIND_MD5: &str = "7b1b768b742a3dbe7ce5c6ea3c345c26";
const GARBAGE: &str = "garbage";

fn text(data_type: &str, value: &str) -> MessageAttributeValue {
    MessageAttributeValue::builder()
        .data_type(data_type)
        .string_value(value)
        .build()
        .expect("complete")
}

fn all_attributes() -> HashMap<String, MessageAttributeValue> {
    let raw = MessageAttributeValue::builder()
        .data_type("Binary")
        .binary_value(Blob::new([0x00, 0xff, 0x00, 0x10, 0x80]))
        .build()
        .expect("complete");
    HashMap::from([
        ("text".to_owned(), text("String", "naïve 😀 <&> \"q\"")),
        ("count".to_owned(), text("Number", "42")),
        ("raw".to_owned(), raw),
        ("kind.colour".to_owned(), text("String.label", "blue")),
        ("kind.size".to_owned(), text("Number.int", "7")),
    ])
}

fn pairs<const N: usize>(list: [(&str, &str); N]) -> HashMap<String, String> {
    list.map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

/// A client, and a queue name that no other test uses.
struct Scenario {
    sqs: Client,
    name: String,
}

impl Scenario {
    fn start(label: &str) -> Self {
        let variable = |name: &str| std::env::var(name).expect("run.py sets it");
        let endpoint = variable("SLUICE_ENDPOINT");
        let (id, secret) = (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"));
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new(id, secret, None, None, "test"))
            .timeout_config(
                TimeoutConfig::builder()
                    .operation_timeout(Duration::from_secs(60))
                    .build(),
            )
            .endpoint_url(endpoint)
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        let nanos = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970")
            .as_nanos();
        Self {
            sqs: Client::from_conf(config),
            name: format!("rust-{label}-{nanos:x}"),
        }
    }

    async fn queue(&self) -> String {
        url(self
            .sqs
            .create_queue()
            .queue_name(&self.name)
            .send()
            .await
            .expect("created")
            .queue_url)
    }

    async fn queue_with(&self, attribute: QueueAttributeName, value: &str) -> String {
        let create = self
            .sqs
            .create_queue()
            .queue_name(&self.name)
            .attributes(attribute, value);
        url(create.send().await.expect("created").queue_url)
    }

    async fn send(&self, queue: &str, body: &str) {
        self.sqs
            .send_message()
            .queue_url(queue)
            .message_body(body)
            .send()
            .await
            .expect("sent");
    }

    fn poll(&self, queue: &str, wait: i32) -> ReceiveMessageFluentBuilder {
        self.sqs
            .receive_message()
            .queue_url(queue)
            .wait_time_seconds(wait)
    }

    async fn nothing(&self, queue: &str, wait: i32) {
        let messages = received(self.poll(queue, wait)).await;
        assert_eq!(messages, []);
    }

    async fn attributes(
        &self,
        queue: &str,
        name: QueueAttributeName,
    ) -> HashMap<QueueAttributeName, String> {
        let get = self
            .sqs
            .get_queue_attributes()
            .queue_url(queue)
            .attribute_names(name);
        get.send()
            .await
            .expect("got")
            .attributes
            .unwrap_or_default()
    }
}

fn url(found: Option<String>) -> String {
    found.expect("a QueueUrl")
}

async fn received(poll: ReceiveMessageFluentBuilder) -> Vec<Message> {
    poll.send()
        .await
        .expect("received")
        .messages
        .unwrap_or_default()
}

async fn received_one(poll: ReceiveMessageFluentBuilder) -> Message {
    let mut messages = received(poll).await;
    assert_eq!(messages.len(), 1);
    messages.remove(0)
}

/// Unpacks a refusal after checking its legacy code and its status; the caller checks the type.
#[track_caller]
fn refused<O: Debug, E>(result: Result<O, SdkError<E>>, code: &str, status: u16) -> E
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let error = result.expect_err(code);
    assert_eq!(
        error
            .raw_response()
            .map(|response| response.status().as_u16()),
        Some(status),
        "{code}"
    );
    assert_eq!(error.code(), Some(code));
    assert!(
        error.message().is_some_and(|message| !message.is_empty()),
        "an error without a message"
    );
    match error {
        SdkError::ServiceError(context) => context.into_err(),
        other => panic!("not an answer of the service: {other:?}"),
    }
}

#[track_caller]
fn assert_failed(failed: &[BatchResultErrorEntry], expected: &[(&str, &str)]) {
    assert!(failed.iter().all(|entry| entry.sender_fault));
    let mut actual: Vec<_> = failed
        .iter()
        .map(|entry| (&*entry.id, &*entry.code))
        .collect();
    actual.sort_unstable();
    assert_eq!(actual, expected);
}

fn entry(id: &str, body: &str) -> SendMessageBatchRequestEntry {
    SendMessageBatchRequestEntry::builder()
        .id(id)
        .message_body(body)
        .build()
        .expect("complete")
}

#[tokio::test]
async fn s01_create() {
    let s = Scenario::start("create");
    let url = s
        .queue_with(QueueAttributeName::VisibilityTimeout, "45")
        .await;
    assert!(url.ends_with(&format!("/{}", s.name)));
    assert_eq!(
        s.queue_with(QueueAttributeName::VisibilityTimeout, "45")
            .await,
        url
    );
    assert_eq!(s.queue().await, url);
    let create = s
        .sqs
        .create_queue()
        .queue_name(&s.name)
        .attributes(QueueAttributeName::VisibilityTimeout, "46");
    assert!(refused(create.send().await, "QueueAlreadyExists", 400).is_queue_name_exists());
}

#[tokio::test]
async fn s02_find() {
    let s = Scenario::start("find");
    let mut urls = Vec::new();
    for n in 0..5 {
        let create = s.sqs.create_queue().queue_name(format!("{}-{n}", s.name));
        urls.push(url(create.send().await.expect("created").queue_url));
    }
    let find = s
        .sqs
        .get_queue_url()
        .queue_name(format!("{}-3", s.name))
        .send()
        .await
        .expect("found");
    assert_eq!(url(find.queue_url), urls[3]);
    let absent = s
        .sqs
        .get_queue_url()
        .queue_name(format!("{}-absent", s.name))
        .send()
        .await;
    assert!(
        refused(absent, "AWS.SimpleQueueService.NonExistentQueue", 400).is_queue_does_not_exist()
    );

    let everything = s
        .sqs
        .list_queues()
        .queue_name_prefix(&s.name)
        .send()
        .await
        .expect("listed");
    assert_eq!(everything.queue_urls(), urls);
    assert_eq!(everything.next_token(), None);
    let mut pages = s
        .sqs
        .list_queues()
        .queue_name_prefix(&s.name)
        .max_results(2)
        .into_paginator()
        .send();
    for expected in [&urls[0..2], &urls[2..4], &urls[4..5]] {
        let page = pages.next().await.expect("a page").expect("listed");
        assert_eq!(page.queue_urls(), expected);
    }
    assert!(pages.next().await.is_none());
    let none = s
        .sqs
        .list_queues()
        .queue_name_prefix(format!("{}-absent", s.name))
        .send()
        .await
        .expect("listed");
    assert_eq!(none.queue_urls, None);
}

#[tokio::test]
async fn s03_tags() {
    let s = Scenario::start("tags");
    let created = s
        .sqs
        .create_queue()
        .queue_name(&s.name)
        .tags("team", "red")
        .send()
        .await
        .expect("created");
    let queue = url(created.queue_url);
    let list = || async {
        s.sqs
            .list_queue_tags()
            .queue_url(&queue)
            .send()
            .await
            .expect("listed")
            .tags
    };
    let tags = pairs([("team", "blue"), ("empty", ""), ("ort", "Zürich / 東京")]);
    s.sqs
        .tag_queue()
        .queue_url(&queue)
        .set_tags(Some(tags.clone()))
        .send()
        .await
        .expect("tagged");
    assert_eq!(list().await, Some(tags));
    let untag = s
        .sqs
        .untag_queue()
        .queue_url(&queue)
        .tag_keys("empty")
        .tag_keys("ort")
        .tag_keys("never there");
    untag.send().await.expect("untagged");
    assert_eq!(list().await, Some(pairs([("team", "blue")])));
    s.sqs
        .untag_queue()
        .queue_url(&queue)
        .tag_keys("team")
        .send()
        .await
        .expect("untagged");
    assert_eq!(list().await, None);
}

#[tokio::test]
async fn s04_attributes() {
    let s = Scenario::start("attributes");
    let queue = s.queue().await;
    let set = |name: QueueAttributeName, value: &str| {
        s.sqs
            .set_queue_attributes()
            .queue_url(&queue)
            .attributes(name, value)
            .send()
    };
    set(QueueAttributeName::VisibilityTimeout, "77")
        .await
        .expect("set");
    let one = s
        .attributes(&queue, QueueAttributeName::VisibilityTimeout)
        .await;
    assert_eq!(
        one,
        HashMap::from([(QueueAttributeName::VisibilityTimeout, "77".to_owned())])
    );
    let every = s.attributes(&queue, QueueAttributeName::All).await;
    assert_eq!(every[&QueueAttributeName::VisibilityTimeout], "77");
    assert_eq!(every[&QueueAttributeName::MessageRetentionPeriod], "345600");
    assert_eq!(every[&QueueAttributeName::MaximumMessageSize], "1048576");
    assert!(every[&QueueAttributeName::QueueArn].starts_with("arn:aws:sqs:us-east-1:"));
    let get = s
        .sqs
        .get_queue_attributes()
        .queue_url(&queue)
        .attribute_names("Nonsense".into());
    assert!(refused(get.send().await, "InvalidAttributeName", 400).is_invalid_attribute_name());
    let unknown = set("Nonsense".into(), "1").await;
    assert!(refused(unknown, "InvalidAttributeName", 400).is_invalid_attribute_name());
    let bad = set(QueueAttributeName::VisibilityTimeout, "43201").await;
    assert!(refused(bad, "InvalidAttributeValue", 400).is_invalid_attribute_value());
}

#[tokio::test]
async fn s05_fidelity() {
    let s = Scenario::start("fidelity");
    let queue = s.queue().await;
    let send = s
        .sqs
        .send_message()
        .queue_url(&queue)
        .message_body(BODY)
        .set_message_attributes(Some(all_attributes()));
    let sent = send.send().await.expect("sent");
    assert_eq!(sent.md5_of_message_body(), Some(BODY_MD5));
    assert_eq!(sent.md5_of_message_attributes(), Some(ATTRIBUTES_MD5));

    let plain = received_one(s.poll(&queue, 10).visibility_timeout(0)).await;
    assert_eq!(plain.body(), Some(BODY));
    assert_eq!(
        (plain.message_attributes(), plain.attributes()),
        (None, None)
    );
    let filter = s
        .poll(&queue, 10)
        .visibility_timeout(0)
        .message_attribute_names("kind.*")
        .message_attribute_names("absent");
    let kinds = received_one(filter).await;
    let mut names: Vec<_> = kinds
        .message_attributes()
        .expect("two")
        .keys()
        .cloned()
        .collect();
    names.sort();
    assert_eq!(names, ["kind.colour", "kind.size"]);
    assert_eq!(kinds.md5_of_message_attributes(), Some(KIND_MD5));
    let all = s.poll(&queue, 10).message_attribute_names("All");
    let whole =
        received_one(all.message_system_attribute_names(MessageSystemAttributeName::All)).await;
    assert_eq!(whole.message_id(), sent.message_id());
    assert_eq!(whole.body(), Some(BODY));
    assert_eq!(whole.md5_of_body(), Some(BODY_MD5));
    assert_eq!(whole.message_attributes(), Some(&all_attributes()));
    assert_eq!(whole.md5_of_message_attributes(), Some(ATTRIBUTES_MD5));
    let system = whole.attributes().expect("system attributes");
    assert_eq!(
        system[&MessageSystemAttributeName::ApproximateReceiveCount],
        "3"
    );
}

#[tokio::test]
async fn s06_delete() {
    let s = Scenario::start("delete");
    let queue = s.queue().await;
    s.send(&queue, "once").await;
    let message = received_one(s.poll(&queue, 10).visibility_timeout(1)).await;
    let delete = |handle: &str| {
        s.sqs
            .delete_message()
            .queue_url(&queue)
            .receipt_handle(handle)
            .send()
    };
    let handle = message.receipt_handle().expect("a handle");
    delete(handle).await.expect("deleted");
    delete(handle).await.expect("deleted again");
    s.nothing(&queue, 2).await;
    let garbage = delete(GARBAGE).await;
    assert!(refused(garbage, "ReceiptHandleIsInvalid", 404).is_receipt_handle_is_invalid());
}

#[tokio::test]
async fn s07_batch_send_partial_failure() {
    let s = Scenario::start("batch");
    let queue = s
        .queue_with(QueueAttributeName::MaximumMessageSize, "1024")
        .await;
    let mut good = entry("good", BODY);
    good.message_attributes = Some(all_attributes());
    let entries = vec![
        entry("large", &"x".repeat(1025)),
        good,
        entry("illegal", "bell \u{7}"),
    ];
    let send = s
        .sqs
        .send_message_batch()
        .queue_url(&queue)
        .set_entries(Some(entries));
    let answer = send.send().await.expect("answered");
    let [good] = answer.successful() else {
        panic!("{answer:?}")
    };
    assert_eq!((good.id(), good.md5_of_message_body()), ("good", BODY_MD5));
    assert_eq!(good.md5_of_message_attributes(), Some(ATTRIBUTES_MD5));
    assert_failed(
        answer.failed(),
        &[
            ("illegal", "InvalidMessageContents"),
            ("large", "InvalidParameterValue"),
        ],
    );
    assert_eq!(
        received_one(s.poll(&queue, 10)).await.message_id(),
        Some(good.message_id())
    );
    s.nothing(&queue, 0).await;
}

#[tokio::test]
async fn s08_batch_delete_and_visibility() {
    let s = Scenario::start("batches");
    let queue = s.queue().await;
    let entries = ["0", "1", "2"].map(|n| entry(n, n)).to_vec();
    let sent = s
        .sqs
        .send_message_batch()
        .queue_url(&queue)
        .set_entries(Some(entries))
        .send()
        .await
        .expect("sent");
    assert_eq!((sent.successful().len(), sent.failed().len()), (3, 0));
    let mut handles = Vec::new();
    for _ in 0..6 {
        if handles.len() < 3 {
            let messages = received(s.poll(&queue, 2).max_number_of_messages(10)).await;
            handles.extend(
                messages
                    .into_iter()
                    .filter_map(|message| message.receipt_handle),
            );
        }
    }
    assert_eq!(handles.len(), 3);

    let change = |id: &str, handle: &str, timeout: i32| {
        let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
            .id(id)
            .receipt_handle(handle);
        entry.visibility_timeout(timeout).build().expect("complete")
    };
    let changes = vec![
        change("back", &handles[0], 0),
        change("bad", GARBAGE, 0),
        change("keep", &handles[1], 100),
    ];
    let change = s
        .sqs
        .change_message_visibility_batch()
        .queue_url(&queue)
        .set_entries(Some(changes));
    let changed = change.send().await.expect("answered");
    assert_eq!(
        changed
            .successful()
            .iter()
            .map(|entry| entry.id())
            .collect::<Vec<_>>(),
        ["back", "keep"]
    );
    assert_failed(changed.failed(), &[("bad", "ReceiptHandleIsInvalid")]);
    handles[0] = received_one(s.poll(&queue, 10))
        .await
        .receipt_handle
        .expect("a handle");

    handles.push(GARBAGE.to_owned());
    let deletes = handles.iter().enumerate().map(|(n, handle)| {
        let entry = DeleteMessageBatchRequestEntry::builder()
            .id(format!("h{n}"))
            .receipt_handle(handle);
        entry.build().expect("complete")
    });
    let delete = s
        .sqs
        .delete_message_batch()
        .queue_url(&queue)
        .set_entries(Some(deletes.collect()));
    let deleted = delete.send().await.expect("answered");
    assert_eq!(
        deleted
            .successful()
            .iter()
            .map(|entry| entry.id())
            .collect::<Vec<_>>(),
        ["h0", "h1", "h2"]
    );
    assert_failed(deleted.failed(), &[("h3", "ReceiptHandleIsInvalid")]);
    let name = QueueAttributeName::ApproximateNumberOfMessages;
    assert_eq!(
        s.attributes(&queue, name.clone()).await,
        HashMap::from([(name, "0".to_owned())])
    );
}

#[tokio::test]
async fn s09_refused_batches() {
    let s = Scenario::start("refused");
    let queue = s.queue().await;
    let send = |entries| {
        s.sqs
            .send_message_batch()
            .queue_url(&queue)
            .set_entries(Some(entries))
            .send()
    };
    let empty = refused(
        send(vec![]).await,
        "AWS.SimpleQueueService.EmptyBatchRequest",
        400,
    );
    assert!(empty.is_empty_batch_request());
    let eleven = (0..11).map(|n| entry(&n.to_string(), "x")).collect();
    let many = refused(
        send(eleven).await,
        "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
        400,
    );
    assert!(many.is_too_many_entries_in_batch_request());
    let twice = vec![entry("same", "x"), entry("same", "x")];
    let repeated = refused(
        send(twice).await,
        "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
        400,
    );
    assert!(repeated.is_batch_entry_ids_not_distinct());
    let malformed = vec![entry("not valid!", "x")];
    let malformed = refused(
        send(malformed).await,
        "AWS.SimpleQueueService.InvalidBatchEntryId",
        400,
    );
    assert!(malformed.is_invalid_batch_entry_id());
    s.nothing(&queue, 0).await;
}

#[tokio::test]
async fn s10_long_poll_woken() {
    let s = Scenario::start("woken");
    let queue = s.queue().await;
    let started = Instant::now();
    let send = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        s.send(&queue, "wake up").await;
    };
    let (message, ()) = tokio::join!(received_one(s.poll(&queue, 20)), send);
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "it waited to the end"
    );
    assert_eq!(message.body(), Some("wake up"));
}

#[tokio::test]
async fn s11_long_poll_empty() {
    let s = Scenario::start("empty");
    let queue = s.queue().await;
    let started = Instant::now();
    let answer = s.poll(&queue, 1).send().await.expect("answered");
    assert_eq!(answer.messages, None);
    assert!(
        started.elapsed() >= Duration::from_millis(900),
        "it did not wait"
    );
}

#[tokio::test]
async fn s12_delay() {
    let s = Scenario::start("delay");
    let queue = s.queue().await;
    let sent = Instant::now();
    let send = s
        .sqs
        .send_message()
        .queue_url(&queue)
        .message_body("later")
        .delay_seconds(1);
    send.send().await.expect("sent");
    let mut early = received(s.poll(&queue, 0)).await;
    if sent.elapsed() < Duration::from_millis(900) {
        assert_eq!(early, []); // else the machine is too slow for this half to say anything
    }
    if early.is_empty() {
        early.push(received_one(s.poll(&queue, 10)).await);
    }
    assert_eq!(early[0].body(), Some("later"));
}

#[tokio::test]
async fn s13_visibility_timeout() {
    let s = Scenario::start("visibility");
    let queue = s.queue().await;
    s.send(&queue, "again").await;
    let count = MessageSystemAttributeName::ApproximateReceiveCount;
    let poll = |wait| {
        s.poll(&queue, wait)
            .visibility_timeout(1)
            .message_system_attribute_names(count.clone())
    };
    let counted = |message: &Message| message.attributes().expect("one")[&count].clone();
    let asked = Instant::now();
    let first = received_one(poll(10)).await;
    assert_eq!(counted(&first), "1");
    let mut hidden = received(poll(0)).await;
    if asked.elapsed() < Duration::from_millis(900) {
        assert_eq!(hidden, []);
    }
    if hidden.is_empty() {
        hidden.push(received_one(poll(10)).await);
    }
    assert_eq!(hidden[0].message_id(), first.message_id());
    assert_ne!(hidden[0].receipt_handle(), first.receipt_handle());
    assert_eq!(counted(&hidden[0]), "2");
}

#[tokio::test]
async fn s14_change_visibility() {
    let s = Scenario::start("change");
    let queue = s.queue().await;
    s.send(&queue, "back and forth").await;
    let change = |message: Message, timeout: i32| {
        let change = s
            .sqs
            .change_message_visibility()
            .queue_url(&queue)
            .visibility_timeout(timeout);
        change.set_receipt_handle(message.receipt_handle).send()
    };
    let first = received_one(s.poll(&queue, 10).visibility_timeout(300)).await;
    s.nothing(&queue, 0).await;
    change(first, 0).await.expect("given back");
    let second = received_one(s.poll(&queue, 0).visibility_timeout(1)).await;
    change(second, 100).await.expect("kept");
    s.nothing(&queue, 2).await;
}

#[tokio::test]
async fn s15_purge() {
    let s = Scenario::start("purge");
    let queue = s.queue().await;
    for _ in 0..3 {
        s.send(&queue, "gone").await;
    }
    received(s.poll(&queue, 0)).await;
    s.sqs
        .purge_queue()
        .queue_url(&queue)
        .send()
        .await
        .expect("purged");
    s.nothing(&queue, 1).await;
    let again = s.sqs.purge_queue().queue_url(&queue).send().await;
    assert!(
        refused(again, "AWS.SimpleQueueService.PurgeQueueInProgress", 403)
            .is_purge_queue_in_progress()
    );
    s.send(&queue, "after").await;
    assert_eq!(received_one(s.poll(&queue, 10)).await.body(), Some("after"));
}

#[tokio::test]
async fn s16_delete_queue() {
    let s = Scenario::start("gone");
    let queue = s.queue().await;
    s.sqs
        .delete_queue()
        .queue_url(&queue)
        .send()
        .await
        .expect("deleted");
    let late = s
        .sqs
        .send_message()
        .queue_url(&queue)
        .message_body("too late")
        .send()
        .await;
    assert!(
        refused(late, "AWS.SimpleQueueService.NonExistentQueue", 400).is_queue_does_not_exist()
    );
    let again = s.sqs.create_queue().queue_name(&s.name).send().await;
    assert!(
        refused(again, "AWS.SimpleQueueService.QueueDeletedRecently", 400)
            .is_queue_deleted_recently()
    );
}

#[tokio::test]
async fn s17_refusals_without_a_type() {
    let s = Scenario::start("untyped");
    let queue = s.queue().await;
    let send = |body: &str| s.sqs.send_message().queue_url(&queue).message_body(body);
    refused(
        send("x").delay_seconds(901).send().await,
        "InvalidParameterValue",
        400,
    );
    refused(
        s.poll(&queue, 0).max_number_of_messages(11).send().await,
        "InvalidParameterValue",
        400,
    );
    refused(send("").send().await, "MissingParameter", 400);
    assert!(
        refused(send("nul \0").send().await, "InvalidMessageContents", 400)
            .is_invalid_message_contents()
    );
    s.nothing(&queue, 0).await;
}
