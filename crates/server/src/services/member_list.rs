//! Lists as clients of the Query protocol send them: an empty one is an empty text.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

/// A list in the input of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MemberList<T>(pub(super) Vec<T>);

impl<T> Default for MemberList<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for MemberList<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListVisitor(PhantomData))
    }
}

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = MemberList<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("list or null")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<MemberList<T>, E> {
        if text.is_empty() {
            Ok(MemberList::default())
        } else {
            Err(E::custom("Expected list or null"))
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<MemberList<T>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(MemberList(list))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_text_is_an_empty_list() {
        let read = |json: &str| serde_json::from_str::<MemberList<u32>>(json).ok();
        assert_eq!(read("[1,2]"), Some(MemberList(vec![1, 2])));
        assert_eq!(read("\"\""), Some(MemberList(Vec::new())));
        assert_eq!(read("\"1\""), None);
        assert_eq!(read("{}"), None);
    }
}
