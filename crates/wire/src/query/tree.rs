//! Dotted parameter names to a tree of values, through the spelling table.
//!
//! Accepted for every member: the flattened wire name (`Attribute.1.Name`), the canonical name (`Attributes.1.Name`), the
//! unflattened forms (`Attributes.entry.1.key`, `Tags.member.1`), any order of indices with gaps, and for a list or map of
//! one element no index at all (`AttributeName=All`).

use std::cell::Cell;
use std::collections::BTreeMap;

use super::Parameters;
use crate::error::{AwsError, framework};
use crate::service::{ENTRY, ENTRY_KEY, ENTRY_VALUE, QueryModel, SpellingShape};
use crate::value::{REQUEST_VALUES_MAX, Value};

/// Deepest name in SQS: `SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.BinaryListValue.1`, seven segments.
const SEGMENTS_MAX: usize = 16;

/// A parameter may fill several members; nested on purpose, such parameters would multiply. This bounds the copies of all
/// parameters together, as a multiple of their size.
const COPIES_MAX: usize = 8;

/// All parameters whose names start with `path`.
#[derive(Default)]
struct Node<'a> {
    path: &'a str,
    value: Option<&'a str>,
    named: BTreeMap<&'a str, Self>,
    /// Indices only order elements; nothing is allocated for gaps.
    indexed: BTreeMap<u64, Self>,
}

/// Turns the parameters of an operation into the structure of its input.
pub(crate) fn structured<'a>(
    parameters: &'a Parameters,
    model: &'a QueryModel,
    operation: &str,
) -> Result<Value<'a>, AwsError> {
    let mut root = Node::default();
    let mut bytes = 0;
    for (name, value) in parameters.iter() {
        root.insert(name, value)?;
        bytes += name.len() + value.len();
    }
    let (values_left, bytes_left) = (Cell::new(REQUEST_VALUES_MAX), Cell::new(bytes * COPIES_MAX));
    Spelled { model, operation, values_left, bytes_left }.structure(&root)
}

impl<'a> Node<'a> {
    fn insert(&mut self, name: &'a str, value: &'a str) -> Result<(), AwsError> {
        let mut node = self;
        let mut end = 0;
        for (depth, segment) in name.split('.').enumerate() {
            if depth == SEGMENTS_MAX {
                let message = "the name of a parameter has too many segments";
                return Err(AwsError::new(&framework::SERIALIZATION, message));
            }
            end += segment.len();
            node = match index(segment) {
                Some(index) => node.indexed.entry(index).or_default(),
                None => node.named.entry(segment).or_default(),
            };
            node.path = &name[..end];
            end += 1;
        }
        node.value = Some(value);
        Ok(())
    }

    fn is_leaf(&self) -> bool {
        self.named.is_empty() && self.indexed.is_empty()
    }

    /// Tells whether this is the unflattened form of a list or map, with its elements one level down.
    fn holds_elements(&self, holder: &str) -> bool {
        self.named.get(holder).is_some_and(|holder| !holder.indexed.is_empty())
    }

    /// Returns the elements of a list or map in the order of their indices.
    fn elements(&self) -> Vec<&Self> {
        let holders = [Some(self), self.named.get("member"), self.named.get(ENTRY)];
        let mut holders = holders.into_iter().flatten();
        if let Some(holder) = holders.find(|holder| !holder.indexed.is_empty()) {
            return holder.indexed.values().collect();
        }
        // Clients of the Query protocol send an empty list as one empty parameter.
        let is_empty = self.is_leaf() && self.value.is_none_or(str::is_empty);
        if is_empty { Vec::new() } else { vec![self] }
    }
}

fn index(segment: &str) -> Option<u64> {
    let is_index = segment.bytes().all(|byte| byte.is_ascii_digit());
    if is_index { segment.parse().ok() } else { None }
}

/// The spelling table as seen by one operation.
struct Spelled<'a, 'o> {
    model: &'a QueryModel,
    operation: &'o str,
    values_left: Cell<usize>,
    bytes_left: Cell<usize>,
}

impl<'a> Spelled<'a, '_> {
    /// Fills the canonical members. A member that arrives under several names takes the last in order of names.
    fn structure(&self, node: &Node<'a>) -> Result<Value<'a>, AwsError> {
        self.charge(0)?;
        let mut members = Vec::new();
        for (&name, child) in &node.named {
            let mut rows = self.model.input_rows(self.operation, name).peekable();
            // A plain parameter may share its name with the wire name of a list: SQS has the input `QueueUrl`, and lists of
            // `QueueUrl` in answers. Both members are filled; the operation takes the one that it has.
            if child.is_leaf() || rows.peek().is_none() {
                members.push((name.into(), self.unspelled(child)?));
            }
            for row in rows {
                let value = match row.shape {
                    SpellingShape::List => self.list(child)?,
                    SpellingShape::Map { key, value } => self.map(child, key, value)?,
                    SpellingShape::Entries => self.map(child, ENTRY_KEY, ENTRY_VALUE)?,
                    SpellingShape::LegacyJsonName => continue,
                };
                members.push((row.member.into(), value));
            }
        }
        Ok(Value::Map(members))
    }

    /// Guesses the form of a member that the table does not have, by the names inside.
    fn unspelled(&self, node: &Node<'a>) -> Result<Value<'a>, AwsError> {
        if node.is_leaf() {
            Ok(Value::String(self.text(node)?.into()))
        } else if !node.indexed.is_empty() || node.holds_elements("member") {
            self.list(node)
        } else if node.holds_elements(ENTRY) {
            self.map(node, ENTRY_KEY, ENTRY_VALUE)
        } else {
            self.structure(node)
        }
    }

    fn text(&self, node: &Node<'a>) -> Result<&'a str, AwsError> {
        let text = node.value.unwrap_or_default();
        self.charge(node.path.len() + text.len())?;
        Ok(text)
    }

    /// Counts one value with so many bytes of text.
    fn charge(&self, bytes: usize) -> Result<(), AwsError> {
        let values_left = self.values_left.get().checked_sub(1);
        let bytes_left = self.bytes_left.get().checked_sub(bytes);
        let (Some(values_left), Some(bytes_left)) = (values_left, bytes_left) else {
            let message = "the parameters are too many or too ambiguous";
            return Err(AwsError::new(&framework::SERIALIZATION, message));
        };
        self.values_left.set(values_left);
        self.bytes_left.set(bytes_left);
        Ok(())
    }

    fn list(&self, node: &Node<'a>) -> Result<Value<'a>, AwsError> {
        self.charge(0)?;
        let elements = node.elements();
        let items: Result<_, AwsError> = elements
            .into_iter()
            .map(|element| {
                // Indices directly under an index belong to a list of lists, which AWS does not have.
                if element.is_leaf() { self.unspelled(element) } else { self.structure(element) }
            })
            .collect();
        items.map(Value::List)
    }

    fn map(&self, node: &Node<'a>, key: &str, value: &str) -> Result<Value<'a>, AwsError> {
        self.charge(0)?;
        let mut entries = Vec::new();
        for element in node.elements() {
            let part = |spelled: &str, canonical: &str| {
                let found = element.named.get(spelled).or_else(|| element.named.get(canonical));
                found.ok_or_else(|| missing_parameter(element.path, spelled))
            };
            let key_text = self.text(part(key, ENTRY_KEY)?)?;
            entries.push((key_text.into(), self.unspelled(part(value, ENTRY_VALUE)?)?));
        }
        Ok(Value::Map(entries))
    }
}

fn missing_parameter(path: &str, name: &str) -> AwsError {
    let message = format!("The request must contain the parameter {path}.{name}.");
    AwsError::new(&framework::MISSING_REQUIRED_PARAMETER, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::Spelling;

    const fn row(member: &'static str, wire: &'static str, shape: SpellingShape) -> Spelling {
        Spelling { operation: None, member, wire, shape }
    }

    static MODEL: QueryModel = QueryModel {
        version: "",
        namespace: "",
        path_member: None,
        root_only: &[],
        spellings: &[
            row("Names", "Name", SpellingShape::List),
            row("MoreNames", "Name", SpellingShape::List),
            row("Tags", "Tag", SpellingShape::Map { key: "Key", value: "Value" }),
            row("Entries", "Entry", SpellingShape::List),
            row("Counts", "Counts", SpellingShape::Entries),
        ],
    };

    fn structured_json(form: &str) -> String {
        let parameters = Parameters::parse(form.as_bytes(), b"").expect("parses");
        match structured(&parameters, &MODEL, "Operation") {
            Ok(value) => serde_json::to_string(&value).expect("serializes"),
            Err(error) => format!("{}: {}", error.shape().query_code, error.message()),
        }
    }

    #[test]
    fn every_spelling_of_a_map_is_the_same() {
        for form in [
            "Tag.1.Key=a&Tag.1.Value=1",
            "Tags.1.Key=a&Tags.1.Value=1",
            "Tags.entry.7.key=a&Tags.entry.7.value=1",
            "Tag.member.1.Value=1&Tag.member.1.Key=a",
            "Tag.Key=a&Tag.Value=1",
        ] {
            assert_eq!(structured_json(form), r#"{"Tags":{"a":"1"}}"#, "{form}");
        }
    }

    #[test]
    fn a_map_that_is_not_flattened_has_its_entries_inside() {
        let form = "Counts.entry.1.key=a&Counts.entry.1.value=1";
        assert_eq!(structured_json(form), r#"{"Counts":{"a":"1"}}"#);
    }

    #[test]
    fn elements_are_ordered_by_index_and_gaps_cost_nothing() {
        let cases = [
            ("Names.4294967295=c&Names.2=a&Names.10=b", r#"{"Names":["a","b","c"]}"#),
            ("Names.99999999999999999999999=a", r#"{"Names":[{"99999999999999999999999":"a"}]}"#),
            ("Names=", r#"{"Names":"","Names":[]}"#),
            ("Names=a", r#"{"Names":"a","Names":["a"]}"#),
            ("Names.member.1=a", r#"{"Names":["a"]}"#),
            ("Tag=", r#"{"Tag":"","Tags":{}}"#),
            ("Other.2=b&Other.1=a", r#"{"Other":["a","b"]}"#),
        ];
        for (form, json) in cases {
            assert_eq!(structured_json(form), json, "{form}");
        }
    }

    #[test]
    fn a_wire_name_fills_all_members_that_share_it() {
        assert_eq!(structured_json("Name.1=a"), r#"{"Names":["a"],"MoreNames":["a"]}"#);
    }

    #[test]
    fn members_that_share_a_name_do_not_multiply_without_end() {
        let name = ["Name.1"; SEGMENTS_MAX / 2].join(".");
        assert!(structured_json(&format!("{name}=a")).starts_with("MalformedInput"));
        // The same without any leaf that would be copied.
        let name = ["Name.1"; SEGMENTS_MAX / 2 - 2].join(".");
        let form: Vec<String> = (0..5_000).map(|at| format!("Name.{at}.{name}.1=")).collect();
        assert!(structured_json(&form.join("&")).starts_with("MalformedInput"));
    }

    #[test]
    fn spellings_resolve_at_any_depth() {
        let form = "Entry.2.Id=x&Entry.2.Tag.1.Key=k&Entry.2.Tag.1.Value.Names.1=n&Entry.1.Id=w";
        let json = r#"{"Entries":[{"Id":"w"},{"Id":"x","Tags":{"k":{"Names":["n"]}}}]}"#;
        assert_eq!(structured_json(form), json);
    }

    #[test]
    fn half_an_entry_names_what_is_missing() {
        let cases = [
            ("Entry.3.Tag.2.Key=a", "Entry.3.Tag.2.Value"),
            ("Tag.1.Value=a", "Tag.1.Key"),
            ("Tag=a", "Tag.Key"),
        ];
        for (form, parameter) in cases {
            let message = format!("The request must contain the parameter {parameter}.");
            assert_eq!(structured_json(form), format!("MissingParameter: {message}"));
        }
    }

    #[test]
    fn names_that_are_no_names_do_no_harm() {
        for form in ["=a", ".=a", "..a=b", "Tag.1..Key=a", "1=a", "Names.=a", "Entry.1.2.3=x"] {
            structured_json(form);
        }
        let deep = format!("a{}=1", ".a".repeat(SEGMENTS_MAX));
        assert!(structured_json(&deep).starts_with("MalformedInput"));
    }
}
