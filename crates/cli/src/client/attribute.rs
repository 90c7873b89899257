//! `name=value` arguments.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// A `name=value` argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pair {
    name: String,
    value: String,
}

/// Parses `name=value`; the value may contain further equal signs.
pub(super) fn parse_pair(text: &str) -> Result<Pair, String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => {
            Ok(Pair { name: name.to_owned(), value: value.to_owned() })
        }
        _ => Err("wants name=value".to_owned()),
    }
}

/// Makes a map of strings out of pairs.
pub(super) fn string_map(pairs: &[Pair]) -> Value {
    let entries = pairs.iter().map(|pair| (pair.name.clone(), json!(pair.value)));
    Value::Object(entries.collect::<Map<_, _>>())
}

/// A message attribute given as `name=Type:value`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct MessageAttribute {
    name: String,
    value: Value,
}

/// Parses `name=Type:value`, where the value of a `Binary` type is base64.
pub(super) fn parse_message_attribute(text: &str) -> Result<MessageAttribute, String> {
    let wants = "wants name=Type:value, where Type begins with String, Number or Binary";
    let pair = parse_pair(text).map_err(|_| wants.to_owned())?;
    let (data_type, value) = pair.value.split_once(':').ok_or(wants)?;
    let base = data_type.split('.').next().unwrap_or(data_type);
    let member = match base {
        "String" | "Number" => "StringValue",
        "Binary" => {
            STANDARD.decode(value).map_err(|error| format!("wants base64: {error}"))?;
            "BinaryValue"
        }
        _ => return Err(wants.to_owned()),
    };
    Ok(MessageAttribute { name: pair.name, value: json!({ "DataType": data_type, member: value }) })
}

/// Makes the `MessageAttributes` member.
pub(super) fn message_attributes(attributes: &[MessageAttribute]) -> Value {
    let entries = attributes.iter().map(|entry| (entry.name.clone(), entry.value.clone()));
    Value::Object(entries.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_may_contain_the_separators() {
        let attribute = parse_message_attribute("url=String:http://a:1/?b=c");
        assert_eq!(
            attribute.expect("this is well-formed").value,
            json!({ "DataType": "String", "StringValue": "http://a:1/?b=c" })
        );
    }

    #[test]
    fn binary_values_are_base64() {
        let attribute = parse_message_attribute("b=Binary.png:AAEC").expect("this is well-formed");
        assert_eq!(attribute.value, json!({ "DataType": "Binary.png", "BinaryValue": "AAEC" }));
        assert!(parse_message_attribute("b=Binary:?").is_err());
    }

    #[test]
    fn malformed_arguments_say_what_is_wanted() {
        for text in ["", "=", "name", "name=value", "name=Text:value"] {
            let error = parse_message_attribute(text).expect_err(text);
            assert!(error.starts_with("wants name=Type:value"), "{error}");
        }
    }
}
