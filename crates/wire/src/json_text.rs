//! Writes output structs as JSON text, byte for byte as serde_json does.
//!
//! Most of an answer is the text of message bodies. serde_json looks at its bytes one by one; here a run of bytes that
//! need no escape is found 32 bytes at a time. What is not text, a key or a bracket is left to serde_json.

use serde::ser::{
    Error as _, Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, Serializer,
};
use serde_json::{Error, Result};

use crate::hex;

/// Most answers fit; a longer one grows.
const FIRST_CAPACITY_BYTES: usize = 512;
const RUN_BYTES: usize = 32;

/// Writes an output. It is made of structs, maps, lists, options and scalars; enums are their name.
///
/// # Errors
/// For what JSON cannot hold, such as a map whose keys are not text, and for enums with a value.
pub(crate) fn to_json<T: Serialize>(output: &T) -> Result<Vec<u8>> {
    let mut text = Vec::with_capacity(FIRST_CAPACITY_BYTES);
    output.serialize(Text(&mut text))?;
    Ok(text)
}

/// Writes one value at the end of a text.
struct Text<'a>(&'a mut Vec<u8>);

/// Writes what is between two brackets.
struct Items<'a> {
    text: &'a mut Vec<u8>,
    is_first: bool,
    end: u8,
}

impl<'a> Items<'a> {
    fn open(text: &'a mut Vec<u8>, [start, end]: [u8; 2]) -> Self {
        text.push(start);
        Self { text, is_first: true, end }
    }

    fn next(&mut self) -> Text<'_> {
        if !std::mem::take(&mut self.is_first) {
            self.text.push(b',');
        }
        Text(self.text)
    }

    fn close(self) {
        self.text.push(self.end);
    }
}

/// Generates the methods for scalars, which are left to serde_json.
macro_rules! serialize_scalars {
    ($($method:ident: $type:ty,)*) => {$(
        fn $method(self, value: $type) -> Result<()> {
            serde_json::to_writer(self.0, &value)
        }
    )*};
}

impl<'a> Serializer for Text<'a> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Items<'a>;
    type SerializeTuple = Impossible<(), Error>;
    type SerializeTupleStruct = Impossible<(), Error>;
    type SerializeTupleVariant = Impossible<(), Error>;
    type SerializeMap = Items<'a>;
    type SerializeStruct = Items<'a>;
    type SerializeStructVariant = Impossible<(), Error>;

    serialize_scalars! {
        serialize_bool: bool,
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
        serialize_f32: f32, serialize_f64: f64, serialize_char: char, serialize_bytes: &[u8],
    }

    fn serialize_str(self, value: &str) -> Result<()> {
        write_text(self.0, value);
        Ok(())
    }

    fn serialize_none(self) -> Result<()> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<()> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<()> {
        self.0.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<()> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<()> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<()> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _value: &T,
    ) -> Result<()> {
        Err(not_an_output(variant))
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Items<'a>> {
        Ok(Items::open(self.0, *b"[]"))
    }

    fn serialize_tuple(self, _length: usize) -> Result<Self::SerializeTuple> {
        Err(not_an_output("a tuple"))
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        _length: usize,
    ) -> Result<Self::SerializeTupleStruct> {
        Err(not_an_output(name))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Self::SerializeTupleVariant> {
        Err(not_an_output(variant))
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Items<'a>> {
        Ok(Items::open(self.0, *b"{}"))
    }

    fn serialize_struct(self, _name: &'static str, _length: usize) -> Result<Items<'a>> {
        Ok(Items::open(self.0, *b"{}"))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Self::SerializeStructVariant> {
        Err(not_an_output(variant))
    }
}

fn not_an_output(what: &str) -> Error {
    Error::custom(format_args!("{what} is not a shape of outputs"))
}

impl SerializeSeq for Items<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        value.serialize(self.next())
    }

    fn end(self) -> Result<()> {
        self.close();
        Ok(())
    }
}

impl SerializeMap for Items<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        let Text(text) = self.next();
        let start = text.len();
        key.serialize(Text(text))?;
        match text.get(start) {
            Some(b'"') => Ok(()),
            Some(_) | None => Err(Error::custom("the key of a map is not text")),
        }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.text.push(b':');
        value.serialize(Text(self.text))
    }

    fn end(self) -> Result<()> {
        self.close();
        Ok(())
    }
}

impl SerializeStruct for Items<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<()> {
        let Text(text) = self.next();
        // Names of members need no escapes.
        text.push(b'"');
        text.extend_from_slice(name.as_bytes());
        text.extend_from_slice(b"\":");
        value.serialize(Text(text))
    }

    fn end(self) -> Result<()> {
        self.close();
        Ok(())
    }
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    out.reserve(rest.len() + 2);
    out.push(b'"');
    loop {
        let (plain, after) = rest.split_at(plain_bytes(rest));
        out.extend_from_slice(plain);
        let Some((special, after)) = after.split_first() else { break };
        write_escape(out, *special);
        rest = after;
    }
    out.push(b'"');
}

/// Counts the bytes before the first one that needs an escape.
fn plain_bytes(bytes: &[u8]) -> usize {
    // Without a branch for each byte, so that the compiler looks at many at once.
    let is_plain = |run: &&[u8]| !run.iter().fold(false, |found, byte| found | needs_escape(*byte));
    let runs = bytes.chunks_exact(RUN_BYTES).take_while(is_plain).count();
    let plain = runs * RUN_BYTES;
    let next = bytes[plain..].iter().position(|byte| needs_escape(*byte));
    next.map_or(bytes.len(), |next| plain + next)
}

fn needs_escape(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

fn write_escape(out: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\x08' => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        b'\x0c' => b'f',
        b'\r' => b'r',
        _ => {
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&hex::digits(byte));
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde::Serialize;

    use super::*;

    #[derive(Debug, Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Output {
        text: String,
        other: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        absent: Option<u8>,
        names: Vec<String>,
        map: BTreeMap<String, i64>,
        flag: bool,
        float: f64,
        nested: Option<Box<Output>>,
    }

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![any::<String>(), "[ -~]{0,100}", "[\\x00-\\x7f]{0,100}", "\\PC{0,100}"]
    }

    prop_compose! {
        fn output()(
            text in text(), other in proptest::option::of(text()),
            names in prop::collection::vec(text(), 0..4),
            map in prop::collection::btree_map(text(), any::<i64>(), 0..4),
            flag in any::<bool>(), float in any::<f64>(),
        ) -> Output {
            Output { text, other, absent: None, names, map, flag, float, nested: None }
        }
    }

    proptest! {
        #[test]
        fn the_text_is_that_of_serde_json(outer in output(), inner in output()) {
            let output = Output { nested: Some(Box::new(inner)), ..outer };
            prop_assert_eq!(to_json(&output).expect("JSON"), serde_json::to_vec(&output).expect("JSON"));
        }
    }

    #[test]
    fn every_escape_is_found_wherever_it_stands() {
        for byte in 0..128_u8 {
            for before in [0, 1, 31, 32, 33, 63, 64] {
                let text = format!("{}{}{}", "é".repeat(before), char::from(byte), "x".repeat(40));
                assert_eq!(to_json(&text).expect("JSON"), serde_json::to_vec(&text).expect("JSON"));
            }
        }
    }

    #[test]
    fn what_is_no_output_is_refused() {
        assert!(to_json(&BTreeMap::from([(1, 2)])).is_err());
        assert!(to_json(&(1, 2)).is_err());
        assert!(to_json(&Ok::<_, ()>(1)).is_err());
    }
}
