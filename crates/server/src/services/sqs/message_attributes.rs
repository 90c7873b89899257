//! Message attributes as requests carry them: validation (contract §4.6) and the way back into answers.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sluice_wire::{AwsError, Blob};

use super::characters;
use super::errors;
use super::limits::{MESSAGE_ATTRIBUTE_NAME_CHARS_MAX, MESSAGE_ATTRIBUTES_MAX};
use super::number;
use crate::broker::{AttributeValue, MessageAttribute};

/// The one message system attribute that a sender can set.
const TRACE_HEADER: &str = "AWSTraceHeader";

/// One attribute value on the wire, in requests and answers.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AttributeText {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) string_value: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) binary_value: Option<Blob>,
    #[serde(default, skip_serializing)]
    pub(super) string_list_values: Option<Vec<String>>,
    #[serde(default, skip_serializing)]
    pub(super) binary_list_values: Option<Vec<Blob>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) data_type: Option<String>,
}

/// Message attributes on the wire, by name.
pub(super) type AttributeTexts = BTreeMap<String, AttributeText>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum BaseType {
    String,
    Number,
    Binary,
}

/// Checks the message attributes of one message.
///
/// # Errors
/// `InvalidParameterValue`, or `UnsupportedOperation` for list values.
pub(super) fn check(texts: &AttributeTexts) -> Result<Vec<MessageAttribute>, AwsError> {
    if texts.len() > MESSAGE_ATTRIBUTES_MAX {
        return Err(errors::invalid_parameter(format!(
            "Number of message attributes [{}] exceeds the allowed maximum \
             [{MESSAGE_ATTRIBUTES_MAX}].",
            texts.len()
        )));
    }
    texts.iter().map(|(name, text)| check_one(name, text)).collect()
}

/// Checks the message system attributes of one message and returns the trace header.
pub(super) fn check_system(texts: &AttributeTexts) -> Result<Option<MessageAttribute>, AwsError> {
    let mut trace_header = None;
    for (name, text) in texts {
        if name != TRACE_HEADER {
            return Err(errors::invalid_parameter(format!(
                "Message system attribute name '{name}' is invalid."
            )));
        }
        if text.data_type.as_deref() != Some("String") {
            return Err(errors::invalid_parameter(format!(
                "The type of message (system) attribute '{TRACE_HEADER}' is invalid. You must use \
                 only the following supported type prefixes: String."
            )));
        }
        let value = text.string_value.as_deref().unwrap_or_default();
        if value.is_empty() {
            return Err(errors::invalid_parameter(format!(
                "Message (system) attribute '{TRACE_HEADER}' must contain a non-empty value of \
                 type 'String'."
            )));
        }
        if !characters::are_allowed(value) {
            return Err(errors::invalid_parameter(errors::INVALID_CHARACTERS));
        }
        trace_header = Some(MessageAttribute {
            name: TRACE_HEADER.to_owned(),
            data_type: "String".to_owned(),
            value: AttributeValue::Text(value.to_owned()),
        });
    }
    Ok(trace_header)
}

/// Turns a stored attribute into what an answer carries.
pub(super) fn to_text(attribute: &MessageAttribute) -> AttributeText {
    let (string_value, binary_value) = match &attribute.value {
        AttributeValue::Text(text) => (Some(text.clone()), None),
        AttributeValue::Binary(bytes) => (None, Some(Blob(Bytes::from(bytes.clone())))),
    };
    AttributeText {
        string_value,
        binary_value,
        data_type: Some(attribute.data_type.clone()),
        ..AttributeText::default()
    }
}

/// Bytes of one attribute that count towards the size of its message (contract §4.7).
pub(super) fn size_bytes(name: &str, text: &AttributeText) -> usize {
    name.len()
        + text.data_type.as_deref().map_or(0, str::len)
        + text.string_value.as_deref().map_or(0, str::len)
        + text.binary_value.as_ref().map_or(0, |blob| blob.0.len())
}

fn check_one(name: &str, text: &AttributeText) -> Result<MessageAttribute, AwsError> {
    check_name(name)?;
    let has_strings = text.string_list_values.as_ref().is_some_and(|list| !list.is_empty());
    let has_blobs = text.binary_list_values.as_ref().is_some_and(|list| !list.is_empty());
    if has_strings || has_blobs {
        return Err(errors::unsupported_operation(
            "Message attribute list values in SendMessage operation are not supported.",
        ));
    }
    let data_type = text.data_type.as_deref().unwrap_or_default();
    let base_type = check_type(name, data_type)?;
    let value = check_value(name, base_type, text)?;
    Ok(MessageAttribute { name: name.to_owned(), data_type: data_type.to_owned(), value })
}

fn check_name(name: &str) -> Result<(), AwsError> {
    if name.is_empty() {
        return Err(errors::invalid_parameter(
            "The request must contain non-empty message (user) attribute names.",
        ));
    }
    if name.chars().count() > MESSAGE_ATTRIBUTE_NAME_CHARS_MAX {
        return Err(errors::invalid_parameter(
            "Message (user) attribute names must be shorter than 256 Bytes",
        ));
    }
    // AWS documents ASCII only, but accepts other letters too.
    if !name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.')) {
        return Err(errors::invalid_parameter(
            "Message (user) attributes name can only contain upper and lower score characters, \
             digits, periods, hyphens and underscores. ",
        ));
    }
    let lower_case = name.to_ascii_lowercase();
    let is_reserved = lower_case.starts_with("aws.") || lower_case.starts_with("amazon.");
    if is_reserved || name.starts_with('.') || name.ends_with('.') {
        return Err(errors::invalid_parameter(
            "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. These \
             strings are reserved for internal use. Additionally, they cannot start or end with \
             '.'.",
        ));
    }
    Ok(())
}

fn check_type(name: &str, data_type: &str) -> Result<BaseType, AwsError> {
    if data_type.is_empty() {
        return Err(errors::invalid_parameter(format!(
            "The message (user) attribute '{name}' must contain a non-empty message attribute type."
        )));
    }
    let base = data_type.split('.').next().unwrap_or_default();
    let base_type = match base {
        "String" => Some(BaseType::String),
        "Number" => Some(BaseType::Number),
        "Binary" => Some(BaseType::Binary),
        _ => None,
    };
    base_type.filter(|_| data_type.chars().count() <= MESSAGE_ATTRIBUTE_NAME_CHARS_MAX).ok_or_else(
        || {
            errors::invalid_parameter(format!(
                "The type of message (user) attribute '{name}' is invalid. You must use only the \
                 following supported type prefixes: Binary, Number, String."
            ))
        },
    )
}

fn check_value(
    name: &str,
    base_type: BaseType,
    text: &AttributeText,
) -> Result<AttributeValue, AwsError> {
    if text.string_value.is_none() && text.binary_value.is_none() {
        return Err(errors::invalid_parameter(format!(
            "The message (user) attribute '{name}' must contain a non-empty message attribute \
             value."
        )));
    }
    let string = text.string_value.as_deref().filter(|string| !string.is_empty());
    let binary = text.binary_value.as_ref().filter(|blob| !blob.0.is_empty());
    match base_type {
        BaseType::String => {
            let string = string.ok_or_else(|| empty_value(name, "String"))?;
            if !characters::are_allowed(string) {
                return Err(errors::invalid_parameter(errors::INVALID_CHARACTERS));
            }
            Ok(AttributeValue::Text(string.to_owned()))
        }
        BaseType::Number => {
            let string = string.ok_or_else(|| empty_value(name, "Number"))?;
            if !number::is_valid(string) {
                return Err(errors::invalid_parameter(format!(
                    "Can't cast the value of message (user) attribute '{name}' to a number."
                )));
            }
            Ok(AttributeValue::Text(string.to_owned()))
        }
        BaseType::Binary => {
            let binary = binary.ok_or_else(|| empty_value(name, "Binary"))?;
            Ok(AttributeValue::Binary(binary.0.to_vec()))
        }
    }
}

fn empty_value(name: &str, base_type: &str) -> AwsError {
    errors::invalid_parameter(format!(
        "Message (user) attribute '{name}' must contain a non-empty value of type '{base_type}'."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(data_type: &str, value: &str) -> AttributeText {
        AttributeText {
            string_value: Some(value.to_owned()),
            data_type: Some(data_type.to_owned()),
            ..AttributeText::default()
        }
    }

    fn binary(value: &'static [u8]) -> AttributeText {
        AttributeText {
            binary_value: Some(Blob(Bytes::from_static(value))),
            data_type: Some("Binary".to_owned()),
            ..AttributeText::default()
        }
    }

    fn refusal(name: &str, text: AttributeText) -> String {
        let texts = AttributeTexts::from([(name.to_owned(), text)]);
        check(&texts).map_or_else(|error| error.message().to_owned(), |_| "accepted".to_owned())
    }

    #[test]
    fn types_keep_their_label() {
        let texts = AttributeTexts::from([
            ("a".to_owned(), string("String.json", "{}")),
            ("b".to_owned(), string("Number.int", "007")),
            ("c".to_owned(), binary(&[0])),
        ]);
        let attributes = check(&texts).expect("valid");
        let types: Vec<&str> = attributes.iter().map(|a| a.data_type.as_str()).collect();
        assert_eq!(types, ["String.json", "Number.int", "Binary"]);
        assert_eq!(attributes[1].value, AttributeValue::Text("007".to_owned()));
    }

    #[test]
    fn names_are_letters_digits_and_inner_dots() {
        let longest = "x".repeat(256);
        for good in ["a", "Help.Me", "a..b", "ä-ø_ß", "AWSome", longest.as_str()] {
            assert_eq!(refusal(good, string("String", "x")), "accepted", "{good}");
        }
        let reserved = "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. \
             These strings are reserved for internal use. Additionally, they cannot start or end \
             with '.'.";
        for bad in [".a", "a.", "AWS.x", "aws.x", "Amazon.x", "aMaZoN.x"] {
            assert_eq!(refusal(bad, string("String", "x")), reserved, "{bad}");
        }
        for bad in ["a b", "a!", "\"", "§", "(", "?"] {
            assert!(refusal(bad, string("String", "x")).ends_with("underscores. "), "{bad}");
        }
        assert_eq!(
            refusal(&"x".repeat(257), string("String", "x")),
            "Message (user) attribute names must be shorter than 256 Bytes"
        );
        assert_eq!(
            refusal("", string("String", "x")),
            "The request must contain non-empty message (user) attribute names."
        );
    }

    #[test]
    fn types_are_case_sensitive_prefixes() {
        for bad in ["string", "Stringy", "Int", "String ", &format!("String.{}", "x".repeat(250))] {
            assert_eq!(
                refusal("x", string(bad, "v")),
                "The type of message (user) attribute 'x' is invalid. You must use only the \
                 following supported type prefixes: Binary, Number, String.",
                "{bad}"
            );
        }
        assert_eq!(
            refusal("Hello", string("", "v")),
            "The message (user) attribute 'Hello' must contain a non-empty message attribute type."
        );
    }

    #[test]
    fn values_are_not_empty() {
        assert_eq!(
            refusal("ErrorDetails", string("String", "")),
            "Message (user) attribute 'ErrorDetails' must contain a non-empty value of type \
             'String'."
        );
        let absent =
            AttributeText { data_type: Some("String".to_owned()), ..AttributeText::default() };
        assert_eq!(
            refusal("Hello", absent),
            "The message (user) attribute 'Hello' must contain a non-empty message attribute value."
        );
        assert!(refusal("b", binary(&[])).ends_with("of type 'Binary'."));
    }

    #[test]
    fn a_number_is_one() {
        assert_eq!(refusal("n", string("Number", "-1.50")), "accepted");
        assert_eq!(
            refusal("Hello", string("Number", "one")),
            "Can't cast the value of message (user) attribute 'Hello' to a number."
        );
    }

    #[test]
    fn illegal_characters_in_a_value_are_an_invalid_parameter() {
        let texts = AttributeTexts::from([("a".to_owned(), string("String", "\u{1}"))]);
        let error = check(&texts).expect_err("refused");
        assert_eq!(error.shape().query_code, "InvalidParameterValue");
    }

    #[test]
    fn list_values_are_unsupported() {
        let list = AttributeText {
            string_list_values: Some(vec!["a".to_owned()]),
            ..string("String", "x")
        };
        assert_eq!(
            refusal("a", list),
            "Message attribute list values in SendMessage operation are not supported."
        );
    }

    #[test]
    fn at_most_ten_attributes() {
        let texts = |count| -> AttributeTexts {
            (0..count).map(|n| (format!("a{n}"), string("String", "x"))).collect()
        };
        assert!(check(&texts(10)).is_ok());
        let error = check(&texts(11)).expect_err("refused");
        assert_eq!(
            error.message(),
            "Number of message attributes [11] exceeds the allowed maximum [10]."
        );
    }

    #[test]
    fn the_trace_header_is_the_only_system_attribute() {
        let header = AttributeTexts::from([(TRACE_HEADER.to_owned(), string("String", "Root=1"))]);
        assert!(check_system(&header).expect("valid").is_some());
        let other = AttributeTexts::from([("Hello".to_owned(), string("String", "x"))]);
        let error = check_system(&other).expect_err("refused");
        assert_eq!(error.message(), "Message system attribute name 'Hello' is invalid.");
        let number = AttributeTexts::from([(TRACE_HEADER.to_owned(), string("Number", "1"))]);
        assert!(check_system(&number).is_err());
        let control =
            AttributeTexts::from([(TRACE_HEADER.to_owned(), string("String", "Root=\u{1}"))]);
        assert!(check_system(&control).is_err());
    }
}
