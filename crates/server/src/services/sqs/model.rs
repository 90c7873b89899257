//! How SQS looks on the wire (contract §1.1, §1.4, §1.5).

use sluice_wire::{JsonVersion, QueryModel, ServiceModel, Spelling, SpellingShape};

use super::errors;

const LIST: SpellingShape = SpellingShape::List;
const NAME_VALUE: SpellingShape = SpellingShape::Map { key: "Name", value: "Value" };
const KEY_VALUE: SpellingShape = SpellingShape::Map { key: "Key", value: "Value" };
const LEGACY_JSON: SpellingShape = SpellingShape::LegacyJsonName;

/// SQS as the protocols see it.
pub static MODEL: ServiceModel = ServiceModel {
    name: "sqs",
    is_global: false,
    target_prefix: "AmazonSQS",
    json_version: JsonVersion::V1_0,
    error_namespace: "com.amazonaws.sqs",
    throttling: &errors::REQUEST_THROTTLED,
    query: Some(QueryModel {
        version: "2012-11-05",
        namespace: "http://queue.amazonaws.com/doc/2012-11-05/",
        path_member: Some("QueueUrl"),
        root_only: &["CreateQueue", "ListQueues"],
        spellings: SPELLINGS,
    }),
};

const fn every(member: &'static str, wire: &'static str, shape: SpellingShape) -> Spelling {
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
    // Queues.
    every("Attributes", "Attribute", NAME_VALUE),
    every("AttributeNames", "AttributeName", LIST),
    only("CreateQueue", "tags", "Tag", KEY_VALUE),
    every("Tags", "Tag", KEY_VALUE),
    every("TagKeys", "TagKey", LIST),
    only("ListQueues", "QueueUrls", "QueueUrl", LIST),
    only("ListQueues", "QueueUrls", "queueUrls", LEGACY_JSON),
    only("ListDeadLetterSourceQueues", "queueUrls", "QueueUrl", LIST),
    only("ListMessageMoveTasks", "Results", "ListMessageMoveTasksResultEntry", LIST),
    only("AddPermission", "AWSAccountIds", "AWSAccountId", LIST),
    only("AddPermission", "Actions", "ActionName", LIST),
    // Messages.
    only("ReceiveMessage", "MessageSystemAttributeNames", "AttributeName", LIST),
    every("MessageAttributeNames", "MessageAttributeName", LIST),
    every("MessageAttributes", "MessageAttribute", NAME_VALUE),
    every("MessageSystemAttributes", "MessageSystemAttribute", NAME_VALUE),
    every("StringListValues", "StringListValue", LIST),
    every("BinaryListValues", "BinaryListValue", LIST),
    only("ReceiveMessage", "Messages", "Message", LIST),
    only("ReceiveMessage", "Messages", "messages", LEGACY_JSON),
    only("PeekMessages", "Messages", "Message", LIST),
    // Batches.
    only("SendMessageBatch", "Entries", "SendMessageBatchRequestEntry", LIST),
    only("SendMessageBatch", "Successful", "SendMessageBatchResultEntry", LIST),
    only("DeleteMessageBatch", "Entries", "DeleteMessageBatchRequestEntry", LIST),
    only("DeleteMessageBatch", "Successful", "DeleteMessageBatchResultEntry", LIST),
    only(
        "ChangeMessageVisibilityBatch",
        "Entries",
        "ChangeMessageVisibilityBatchRequestEntry",
        LIST,
    ),
    only(
        "ChangeMessageVisibilityBatch",
        "Successful",
        "ChangeMessageVisibilityBatchResultEntry",
        LIST,
    ),
    every("Failed", "BatchResultErrorEntry", LIST),
];
