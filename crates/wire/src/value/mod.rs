//! The tree between the bytes of a protocol and the structs of an operation.

mod de;
mod json;

use std::borrow::Cow;

pub use de::DecodeError;

/// Bounds the memory that a request can make of its bytes: a value takes 32 bytes, two bytes of JSON make one.
pub(crate) const REQUEST_VALUES_MAX: usize = 100_000;

/// A parsed request or answer, before it has types.
///
/// Text is borrowed from the request where it stands there as it is.
///
/// Structures and maps are both `Map`: an ordered list of entries in which the last of equal keys counts.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// Stands for an absent member.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer or a float.
    Number(serde_json::Number),
    /// Text. The Query protocol sends every scalar as text.
    String(Cow<'a, str>),
    /// A list.
    List(Vec<Self>),
    /// A structure or a map, in the order of the wire.
    Map(Vec<(Cow<'a, str>, Self)>),
}

impl Value<'_> {
    /// Tells whether an answer omits this value: null, an empty list, an empty map or structure. Empty text is a value.
    pub(crate) fn is_omitted(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Bool(_) | Self::Number(_) | Self::String(_) => false,
            Self::List(items) => items.is_empty(),
            Self::Map(entries) => entries.is_empty(),
        }
    }
}
