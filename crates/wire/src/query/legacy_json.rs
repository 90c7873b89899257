//! The JSON that the Query protocol answers when asked with `Accept: application/json`. It is not the AWS JSON protocol:
//! the envelope is the one of the XML, and flattened maps stay lists of pairs.

use serde_json::json;

use crate::error::AwsError;
use crate::service::{QueryModel, Spelling, SpellingShape};
use crate::value::Value;

/// Renders the answer of an operation that has an output.
pub(crate) fn output_json(
    model: &QueryModel,
    operation: &str,
    output: Value<'_>,
    request_id: &str,
) -> String {
    let result = members(model, operation, output);
    envelope(operation, Some(result), request_id)
}

/// Renders the answer of an operation without output.
pub(crate) fn no_output_json(operation: &str, request_id: &str) -> String {
    envelope(operation, None, request_id)
}

fn envelope(operation: &str, result: Option<Value<'_>>, request_id: &str) -> String {
    let request_id = Value::Map(vec![("RequestId".into(), Value::String(request_id.into()))]);
    let mut response = Vec::new();
    response.extend(result.map(|result| (format!("{operation}Result").into(), result)));
    response.push(("ResponseMetadata".into(), request_id));
    text(&Value::Map(vec![(format!("{operation}Response").into(), Value::Map(response))]))
}

fn text(value: &Value<'_>) -> String {
    serde_json::to_string(value).expect("a tree with text keys is always valid JSON")
}

/// Renders an error.
pub(crate) fn error_json(error: &AwsError, request_id: &str) -> String {
    let shape = error.shape();
    json!({
        "Error": {
            "Type": shape.fault.as_str(),
            "Code": shape.query_code,
            "Message": error.query_message(),
            "Detail": null,
        },
        "RequestId": request_id,
    })
    .to_string()
}

fn members<'a>(model: &'a QueryModel, operation: &str, value: Value<'a>) -> Value<'a> {
    match value {
        Value::Map(entries) => Value::Map(
            entries
                .into_iter()
                .filter(|(_, value)| !value.is_omitted())
                .map(|(member, value)| {
                    let name = model.legacy_json_name(operation, &member).to_owned();
                    (name.into(), member_value(model, operation, &member, value))
                })
                .collect(),
        ),
        Value::List(items) => {
            Value::List(items.into_iter().map(|item| members(model, operation, item)).collect())
        }
        scalar @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => scalar,
    }
}

fn member_value<'a>(
    model: &'a QueryModel,
    operation: &str,
    member: &str,
    value: Value<'a>,
) -> Value<'a> {
    match (model.output_row(operation, member), value) {
        (
            Some(Spelling { shape: SpellingShape::Map { key, value: name }, .. }),
            Value::Map(entries),
        ) => Value::List(
            entries
                .into_iter()
                .map(|(text, value)| {
                    let value = members(model, operation, value);
                    let key = ((*key).into(), Value::String(text));
                    Value::Map(vec![key, ((*name).into(), value)])
                })
                .collect(),
        ),
        (_, value) => members(model, operation, value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::framework;

    static MODEL: QueryModel = QueryModel {
        version: "",
        namespace: "",
        path_member: None,
        root_only: &[],
        spellings: &[
            Spelling {
                operation: None,
                member: "Messages",
                wire: "messages",
                shape: SpellingShape::LegacyJsonName,
            },
            Spelling {
                operation: None,
                member: "Attributes",
                wire: "Attribute",
                shape: SpellingShape::Map { key: "Name", value: "Value" },
            },
        ],
    };

    #[test]
    fn lists_are_renamed_and_maps_are_pairs() {
        let json = br#"{"Messages":[{"Body":"b","Attributes":{"a":"1"}}],"None":null}"#;
        let output = Value::from_request_json(json).expect("valid JSON");
        let expected = r#"{"OpResponse":{"OpResult":{"messages":[{"Body":"b","Attributes":[{"Name":"a","Value":"1"}]}]},"ResponseMetadata":{"RequestId":"id"}}}"#;
        assert_eq!(output_json(&MODEL, "Op", output, "id"), expected);
    }

    #[test]
    fn errors_and_empty_answers_have_their_envelope() {
        let expected = r#"{"OpResponse":{"ResponseMetadata":{"RequestId":"id"}}}"#;
        assert_eq!(no_output_json("Op", "id"), expected);
        let error = AwsError::new(&framework::ACCESS_DENIED, "no").with_query_message("not you");
        let expected = json!({
            "Error": {"Type": "Sender", "Code": "AccessDenied", "Message": "not you", "Detail": null},
            "RequestId": "id",
        });
        assert_eq!(error_json(&error, "id"), expected.to_string());
    }
}
