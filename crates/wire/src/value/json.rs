//! JSON text to a value and back.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{REQUEST_VALUES_MAX, Value};

impl<'a> Value<'a> {
    /// Parses the JSON text of a request. Nesting and the number of values are bounded.
    pub(crate) fn from_request_json(text: &'a [u8]) -> serde_json::Result<Self> {
        let mut deserializer = serde_json::Deserializer::from_slice(text);
        let values_left = Cell::new(REQUEST_VALUES_MAX);
        let value = ValueSeed { values_left: &values_left }.deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(value)
    }

    /// Parses an output struct that was written as JSON.
    ///
    /// Outputs take the way through text, so that `json_text` alone decides what becomes of them in every protocol.
    pub(crate) fn from_output_json(text: &'a [u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(text)
    }
}

#[derive(Clone, Copy)]
struct ValueSeed<'a> {
    values_left: &'a Cell<usize>,
}

/// The key of an entry. Without the attribute serde would copy it.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = Value<'de>;

    fn deserialize<D: de::Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Value<'de>, D::Error> {
        let left = self.values_left.get();
        let left = left.checked_sub(1).ok_or_else(|| de::Error::custom("too many values"))?;
        self.values_left.set(left);
        deserializer.deserialize_any(self)
    }
}

/// For text that we wrote; the text of requests is parsed with a bound.
impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ValueSeed { values_left: &Cell::new(usize::MAX) }.deserialize(deserializer)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value<'de>, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value<'de>, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value<'de>, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value<'de>, E> {
        let number = serde_json::Number::from_f64(value);
        number.map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::String(text.to_owned().into()))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::String(text.into()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value<'de>, E> {
        Ok(Value::String(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value<'de>, A::Error> {
        let mut map = Vec::new();
        while let Some(Key(key)) = entries.next_key()? {
            map.push((key, entries.next_value_seed(self)?));
        }
        Ok(Value::Map(map))
    }
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => number.serialize(serializer),
            Self::String(text) => serializer.serialize_str(text),
            Self::List(items) => serializer.collect_seq(items),
            Self::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_survives_the_round_trip() {
        let text = r#"{"b":[1,-2,3.5,null],"a":{"z":"é\"","y":true}}"#;
        let value = Value::from_request_json(text.as_bytes()).expect("parses");
        assert_eq!(serde_json::to_string(&value).expect("serializes"), text);
    }

    #[test]
    fn the_number_of_values_and_the_depth_are_bounded() {
        let list = |items: usize| format!("[{}1]", "1,".repeat(items - 1));
        assert!(Value::from_request_json(list(REQUEST_VALUES_MAX - 1).as_bytes()).is_ok());
        assert!(Value::from_request_json(list(REQUEST_VALUES_MAX).as_bytes()).is_err());
        assert!(Value::from_request_json("[".repeat(100_000).as_bytes()).is_err());
    }

    #[test]
    fn truncated_and_trailing_text_is_refused() {
        for text in ["", "{", r#"{"a":1"#, "{}x", r#""\ud800""#, "1e999"] {
            assert!(Value::from_request_json(text.as_bytes()).is_err(), "{text}");
        }
        assert!(Value::from_request_json(b"\"\xff\"").is_err());
    }
}
