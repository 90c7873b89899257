//! A value as the source of a serde struct, with the coercions that AWS makes.
//!
//! - A number or boolean where text is expected becomes its text; numeric text where an integer is expected is parsed.
//! - Null is an absent member, in structures and maps.
//! - Unknown members are ignored; of equal keys the last counts.
//!
//! Structures are filled by asking for their members, so serde's `alias` and `flatten` do not work on input structs.

use std::borrow::Cow;
use std::fmt::Display;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{self, Deserializer, Expected, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use super::Value;

/// A value of the wrong type or out of range; the text is for the client.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DecodeError(String);

const STRUCTURE_NOT_EXPECTED: &str = "Start of structure or map found where not expected.";

impl DecodeError {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl de::Error for DecodeError {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }

    fn invalid_type(_unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self(format!("Unexpected field type, expected {expected}"))
    }

    /// Serde's own text would repeat the value.
    fn invalid_value(_unexpected: Unexpected<'_>, _expected: &dyn Expected) -> Self {
        Self::new("Value out of range")
    }
}

impl<'a> Value<'a> {
    fn kind(&self) -> &'static str {
        match self {
            Self::Null => "NULL_VALUE",
            Self::Bool(true) => "TRUE_VALUE",
            Self::Bool(false) => "FALSE_VALUE",
            Self::Number(number) if number.is_f64() => "DECIMAL_VALUE",
            Self::Number(_) => "NUMBER_VALUE",
            Self::String(_) => "STRING_VALUE",
            Self::List(_) => "LIST_VALUE",
            Self::Map(_) => "MAP_VALUE",
        }
    }

    /// Describes why this value is not of the scalar `java_type`, in the words of AWS.
    fn not_a(&self, java_type: &str) -> DecodeError {
        match self {
            Self::List(_) => {
                DecodeError(format!("Unrecognized collection type class java.lang.{java_type}"))
            }
            Self::Map(_) => DecodeError::new(STRUCTURE_NOT_EXPECTED),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => {
                let article = if java_type == "Integer" { "an" } else { "a" };
                let kind = self.kind();
                DecodeError(format!("{kind} can not be converted to {article} {java_type}"))
            }
        }
    }

    fn text(self) -> Result<Cow<'a, str>, DecodeError> {
        match self {
            Self::String(text) => Ok(text),
            Self::Number(number) => Ok(number.to_string().into()),
            Self::Bool(value) => Ok(value.to_string().into()),
            Self::Null | Self::List(_) | Self::Map(_) => Err(self.not_a("String")),
        }
    }

    fn integer(&self) -> Option<i64> {
        match self {
            Self::Number(number) => number.as_i64(),
            Self::String(text) => text.parse().ok(),
            Self::Null | Self::Bool(_) | Self::List(_) | Self::Map(_) => None,
        }
    }

    fn float(&self) -> Option<f64> {
        match self {
            Self::Number(number) => number.as_f64(),
            Self::String(text) => text.parse().ok().filter(|float: &f64| float.is_finite()),
            Self::Null | Self::Bool(_) | Self::List(_) | Self::Map(_) => None,
        }
    }

    fn boolean(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            Self::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Self::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
            Self::Null | Self::Number(_) | Self::String(_) | Self::List(_) | Self::Map(_) => None,
        }
    }
}

impl<'de> IntoDeserializer<'de, DecodeError> for Value<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Generates the integer methods; the visitor checks the range of its own type.
macro_rules! deserialize_integers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            let integer = self.integer().ok_or_else(|| self.not_a("Integer"))?;
            visitor.visit_i64(integer)
        }
    )*};
}

impl<'de> Deserializer<'de> for Value<'de> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self {
            Self::Null => visitor.visit_unit(),
            Self::Bool(value) => visitor.visit_bool(value),
            Self::Number(number) => {
                number.deserialize_any(visitor).map_err(<DecodeError as de::Error>::custom)
            }
            Self::String(text) => visit_text(text, visitor),
            Self::List(items) => visitor.visit_seq(SeqDeserializer::new(items.into_iter())),
            Self::Map(entries) => visitor.visit_map(MapDeserializer::new(present(entries))),
        }
    }

    deserialize_integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let value = self.boolean().ok_or_else(|| self.not_a("Boolean"))?;
        visitor.visit_bool(value)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let float = self.float().ok_or_else(|| self.not_a("Double"))?;
        visitor.visit_f64(float)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visit_text(self.text()?, visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visit_text(self.text()?, visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self {
            Self::Null => visitor.visit_none(),
            Self::Bool(_) | Self::Number(_) | Self::String(_) | Self::List(_) | Self::Map(_) => {
                visitor.visit_some(self)
            }
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self {
            Self::List(items) => visitor.visit_seq(SeqDeserializer::new(items.into_iter())),
            Self::Map(_) => Err(DecodeError::new(STRUCTURE_NOT_EXPECTED)),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => {
                Err(DecodeError::new("Expected list or null"))
            }
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let entries = self.entries()?;
        visitor.visit_map(MapDeserializer::new(present(entries)))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        members: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let mut entries = self.entries()?;
        let wanted = members.iter().filter_map(|member| {
            let last = entries.iter().rposition(|(key, _)| key == member)?;
            match std::mem::replace(&mut entries[last].1, Self::Null) {
                Self::Null => None,
                value @ (Self::Bool(_)
                | Self::Number(_)
                | Self::String(_)
                | Self::List(_)
                | Self::Map(_)) => Some((*member, value)),
            }
        });
        visitor.visit_map(MapDeserializer::new(wanted))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_enum(self.text()?.into_deserializer())
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct tuple tuple_struct identifier
    }
}

/// Hands text over, borrowed where it can be.
fn visit_text<'de, V: Visitor<'de>>(
    text: Cow<'de, str>,
    visitor: V,
) -> Result<V::Value, DecodeError> {
    match text {
        Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
        Cow::Owned(text) => visitor.visit_string(text),
    }
}

impl<'a> Value<'a> {
    fn entries(self) -> Result<Vec<(Cow<'a, str>, Self)>, DecodeError> {
        match self {
            Self::Map(entries) => Ok(entries),
            Self::List(_) => Err(DecodeError::new("Start of list found where not expected")),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => {
                Err(DecodeError::new("Expected structure, map or null"))
            }
        }
    }
}

fn present<'a>(
    entries: Vec<(Cow<'a, str>, Value<'a>)>,
) -> impl Iterator<Item = (Cow<'a, str>, Value<'a>)> {
    entries.into_iter().filter(|(_, value)| *value != Value::Null)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;
    use crate::Blob;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(rename_all = "PascalCase", default)]
    struct Input {
        body: Option<String>,
        delay_seconds: Option<i32>,
        fault: Option<bool>,
        names: Vec<String>,
        attributes: BTreeMap<String, String>,
        binary: Option<Blob>,
        nested: Option<Box<Input>>,
    }

    fn decode(json: &str) -> Result<Input, String> {
        let value = Value::from_request_json(json.as_bytes()).expect("valid JSON");
        Input::deserialize(value).map_err(|error| error.to_string())
    }

    #[test]
    fn scalars_are_coerced() {
        let input = decode(
            r#"{"Body":5.5,"DelaySeconds":"-7","Fault":"TRUE","Binary":"AAE=",
               "Attributes":{"a":30,"b":true,"c":null},"Unknown":{"x":[1]}}"#,
        );
        let expected = Input {
            body: Some("5.5".into()),
            delay_seconds: Some(-7),
            fault: Some(true),
            binary: Some(Blob(vec![0, 1].into())),
            attributes: [("a".into(), "30".into()), ("b".into(), "true".into())].into(),
            ..Input::default()
        };
        assert_eq!(input, Ok(expected));
    }

    #[test]
    fn null_is_absent_and_the_last_of_equal_keys_counts() {
        let input = decode(
            r#"{"Body":"a","Body":"b","Names":null,"DelaySeconds":1,"DelaySeconds":null,
               "Attributes":{"a":"1","a":"2"},"Nested":{"Names":["x"]}}"#,
        );
        let nested = Input { names: vec!["x".into()], ..Input::default() };
        let expected = Input {
            body: Some("b".into()),
            attributes: [("a".into(), "2".into())].into(),
            nested: Some(Box::new(nested)),
            ..Input::default()
        };
        assert_eq!(input, Ok(expected));
    }

    #[test]
    fn wrong_types_are_refused_in_the_words_of_aws() {
        let cases = [
            (r#"{"Body":[]}"#, "Unrecognized collection type class java.lang.String"),
            (r#"{"Body":{}}"#, STRUCTURE_NOT_EXPECTED),
            (r#"{"Names":[null]}"#, "NULL_VALUE can not be converted to a String"),
            (r#"{"Names":"x"}"#, "Expected list or null"),
            (r#"{"Names":{}}"#, STRUCTURE_NOT_EXPECTED),
            (r#"{"Attributes":[]}"#, "Start of list found where not expected"),
            (r#"{"Nested":1}"#, "Expected structure, map or null"),
            (r#"{"DelaySeconds":"x"}"#, "STRING_VALUE can not be converted to an Integer"),
            (r#"{"DelaySeconds":1.0}"#, "DECIMAL_VALUE can not be converted to an Integer"),
            (r#"{"DelaySeconds":2147483648}"#, "Value out of range"),
            (
                r#"{"DelaySeconds":18446744073709551615}"#,
                "NUMBER_VALUE can not be converted to an Integer",
            ),
            (r#"{"Fault":1}"#, "NUMBER_VALUE can not be converted to a Boolean"),
            (r#"{"Binary":"?"}"#, "a Blob is not valid base64"),
        ];
        for (json, message) in cases {
            assert_eq!(decode(json), Err(message.to_owned()), "{json}");
        }
    }
}
