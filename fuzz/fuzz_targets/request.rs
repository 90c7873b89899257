//! What both protocol targets share: one service, one input struct with every kind of member, one exchange.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sluice_wire::{
    Blob, JsonVersion, QueryModel, ServiceModel, Spelling, SpellingShape, framework, route,
};

static SERVICE: ServiceModel = ServiceModel {
    is_global: false,
    name: "sqs",
    target_prefix: "AmazonSQS",
    json_version: JsonVersion::V1_0,
    error_namespace: "com.amazonaws.sqs",
    throttling: &framework::THROTTLING,
    query: Some(QueryModel {
        version: "2012-11-05",
        namespace: "http://queue.amazonaws.com/doc/2012-11-05/",
        path_member: Some("QueueUrl"),
        root_only: &[],
        spellings: &[
            Spelling {
                operation: None,
                member: "Entries",
                wire: "Entry",
                shape: SpellingShape::List,
            },
            Spelling {
                operation: None,
                member: "MessageAttributes",
                wire: "MessageAttribute",
                shape: SpellingShape::Map { key: "Name", value: "Value" },
            },
        ],
    }),
};

/// Input and output at once, so that whatever is accepted is rendered too.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    queue_url: Option<String>,
    delay_seconds: Option<i32>,
    sender_fault: Option<bool>,
    binary_value: Option<Blob>,
    attribute_names: Vec<String>,
    message_attributes: BTreeMap<String, Input>,
    entries: Vec<Input>,
}

/// Routes, parses and answers one request.
pub fn exchange(uri: &str, target: Option<&str>, body: &[u8]) {
    let mut request = http::Request::builder().method("POST").uri(uri);
    if let Some(target) = target {
        request = request.header("x-amz-target", target);
    }
    let (parts, ()) = request.body(()).expect("a valid request").into_parts();
    match route(&parts, &Bytes::copy_from_slice(body), &[&SERVICE]) {
        Err(rejection) => drop(rejection.render("id")),
        Ok(mut call) => match call.take_input::<Input>() {
            Ok(input) => drop(call.render(&input, "id")),
            Err(error) => drop(call.render_error(&error, "id")),
        },
    }
}
