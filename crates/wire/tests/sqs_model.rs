//! The service model of SQS as these tests use it. The real one lives in the server crate.

use sluice_wire::{JsonVersion, QueryModel, ServiceModel, Spelling, SpellingShape, framework};

use SpellingShape::{LegacyJsonName, List};

const NAME_VALUE: SpellingShape = SpellingShape::Map { key: "Name", value: "Value" };
const KEY_VALUE: SpellingShape = SpellingShape::Map { key: "Key", value: "Value" };

const fn all(member: &'static str, wire: &'static str, shape: SpellingShape) -> Spelling {
    Spelling { operation: None, member, wire, shape }
}

const fn only(
    operation: &'static str,
    member: &'static str,
    wire: &'static str,
    shape: SpellingShape,
) -> Spelling {
    Spelling { operation: Some(operation), member, wire, shape }
}

const SPELLINGS: &[Spelling] = &[
    // Requests, and answers where the members are the same.
    all("Attributes", "Attribute", NAME_VALUE),
    all("AttributeNames", "AttributeName", List),
    only("ReceiveMessage", "MessageSystemAttributeNames", "AttributeName", List),
    all("MessageAttributes", "MessageAttribute", NAME_VALUE),
    all("MessageAttributeNames", "MessageAttributeName", List),
    all("MessageSystemAttributes", "MessageSystemAttribute", NAME_VALUE),
    all("StringListValues", "StringListValue", List),
    all("BinaryListValues", "BinaryListValue", List),
    only("CreateQueue", "tags", "Tag", KEY_VALUE),
    only("TagQueue", "Tags", "Tag", KEY_VALUE),
    only("ListQueueTags", "Tags", "Tag", KEY_VALUE),
    only("UntagQueue", "TagKeys", "TagKey", List),
    only("AddPermission", "AWSAccountIds", "AWSAccountId", List),
    only("AddPermission", "Actions", "ActionName", List),
    only("SendMessageBatch", "Entries", "SendMessageBatchRequestEntry", List),
    only("DeleteMessageBatch", "Entries", "DeleteMessageBatchRequestEntry", List),
    only(
        "ChangeMessageVisibilityBatch",
        "Entries",
        "ChangeMessageVisibilityBatchRequestEntry",
        List,
    ),
    // Answers.
    only("SendMessageBatch", "Successful", "SendMessageBatchResultEntry", List),
    only("DeleteMessageBatch", "Successful", "DeleteMessageBatchResultEntry", List),
    only(
        "ChangeMessageVisibilityBatch",
        "Successful",
        "ChangeMessageVisibilityBatchResultEntry",
        List,
    ),
    all("Failed", "BatchResultErrorEntry", List),
    only("ReceiveMessage", "Messages", "Message", List),
    only("ListQueues", "QueueUrls", "QueueUrl", List),
    only("ListDeadLetterSourceQueues", "queueUrls", "QueueUrl", List),
    only("ListMessageMoveTasks", "Results", "ListMessageMoveTasksResultEntry", List),
    // Answers in the legacy JSON rendering.
    only("ReceiveMessage", "Messages", "messages", LegacyJsonName),
    only("ListQueues", "QueueUrls", "queueUrls", LegacyJsonName),
];

/// Amazon SQS.
pub(crate) static SQS: ServiceModel = ServiceModel {
    name: "sqs",
    is_global: false,
    target_prefix: "AmazonSQS",
    json_version: JsonVersion::V1_0,
    error_namespace: "com.amazonaws.sqs",
    throttling: &framework::THROTTLING,
    query: Some(QueryModel {
        version: "2012-11-05",
        namespace: "http://queue.amazonaws.com/doc/2012-11-05/",
        path_member: Some("QueueUrl"),
        root_only: &["CreateQueue", "ListQueues"],
        spellings: SPELLINGS,
    }),
};

#[test]
fn no_member_is_spelled_twice_for_one_operation_and_use() {
    let spellings = SQS.query.as_ref().map_or(&[][..], |query| query.spellings);
    let key = |row: &Spelling| (row.operation, row.member, row.shape == LegacyJsonName);
    for (at, row) in spellings.iter().enumerate() {
        let twice = spellings[at + 1..].iter().any(|other| key(other) == key(row));
        assert!(!twice, "{row:?}");
    }
}
