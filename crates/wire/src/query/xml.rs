//! Answers of the Query protocol as XML, on one line, the way AWS writes it.

use crate::error::AwsError;
use crate::service::{ENTRY, ENTRY_KEY, ENTRY_VALUE, QueryModel, Spelling, SpellingShape};
use crate::value::Value;

const PREAMBLE: &str = r#"<?xml version="1.0"?>"#;

/// Renders the answer of an operation that has an output.
pub(crate) fn output_xml(
    model: &QueryModel,
    operation: &str,
    output: &Value<'_>,
    request_id: &str,
) -> String {
    let mut writer = Writer { model, operation, xml: String::new() };
    writer.container(&format!("{operation}Result"), |writer| writer.members(output));
    envelope(model, operation, &writer.xml, request_id)
}

/// Renders the answer of an operation without output.
pub(crate) fn no_output_xml(model: &QueryModel, operation: &str, request_id: &str) -> String {
    envelope(model, operation, "", request_id)
}

fn envelope(model: &QueryModel, operation: &str, result: &str, request_id: &str) -> String {
    let namespace = model.namespace;
    let request_id = escaped(request_id);
    format!(
        "{PREAMBLE}<{operation}Response xmlns=\"{namespace}\">{result}<ResponseMetadata><RequestId>{request_id}\
         </RequestId></ResponseMetadata></{operation}Response>"
    )
}

/// Renders an error.
pub(crate) fn error_xml(model: &QueryModel, error: &AwsError, request_id: &str) -> String {
    let namespace = model.namespace;
    let fault = error.shape().fault.as_str();
    let code = error.shape().query_code;
    let message = escaped(error.query_message());
    let request_id = escaped(request_id);
    format!(
        "{PREAMBLE}<ErrorResponse xmlns=\"{namespace}\"><Error><Type>{fault}</Type><Code>{code}</Code>\
         <Message>{message}</Message><Detail/></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )
}

/// Escapes text for an element.
///
/// AWS escapes quotes, and carriage returns so that parsers do not turn them into line feeds. Characters that XML cannot
/// carry at all become U+FFFD.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    escape(&mut escaped, text);
    escaped
}

fn escape(escaped: &mut String, text: &str) {
    // Without a branch for each byte, so that the compiler looks at many at once.
    let is_plain = |byte: u8| (b' '..=b'~').contains(&byte) & !b"&<>\"".contains(&byte);
    if text.bytes().fold(true, |all, byte| all & is_plain(byte)) {
        escaped.push_str(text);
        return;
    }
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\r' => escaped.push_str("&#xD;"),
            '\t' | '\n' | '\u{20}'..='\u{FFFD}' | '\u{10000}'.. => escaped.push(char),
            _ => escaped.push('\u{FFFD}'),
        }
    }
}

struct Writer<'a> {
    model: &'a QueryModel,
    operation: &'a str,
    xml: String,
}

impl Writer<'_> {
    /// Writes the members of a structure. Members with nothing to say are omitted, but for lists: those have an element.
    fn members(&mut self, structure: &Value<'_>) {
        let Value::Map(members) = structure else { return };
        for (member, value) in members {
            if value.is_omitted() && !matches!(value, Value::List(_)) {
                continue;
            }
            match (self.model.output_row(self.operation, member), value) {
                (Some(Spelling { shape: SpellingShape::List, wire, .. }), Value::List(items)) => {
                    items.iter().for_each(|item| self.element(wire, item));
                }
                (
                    Some(Spelling { shape: SpellingShape::Map { key, value: name }, wire, .. }),
                    Value::Map(entries),
                ) => {
                    for (text, value) in entries {
                        self.entry(wire, (key, text), (name, value));
                    }
                }
                (
                    Some(Spelling { shape: SpellingShape::Entries, wire, .. }),
                    Value::Map(entries),
                ) => self.container(wire, |writer| {
                    for (text, value) in entries {
                        writer.entry(ENTRY, (ENTRY_KEY, text), (ENTRY_VALUE, value));
                    }
                }),
                _ if is_element_name(member) => self.element(member, value),
                // A map that has no row in the table; its keys are data.
                _ => self.entry(ENTRY, (ENTRY_KEY, member), (ENTRY_VALUE, value)),
            }
        }
    }

    fn entry(&mut self, wire: &str, key: (&str, &str), value: (&str, &Value<'_>)) {
        self.container(wire, |writer| {
            writer.text(key.0, key.1);
            writer.element(value.0, value.1);
        });
    }

    fn element(&mut self, name: &str, value: &Value<'_>) {
        match value {
            Value::Null => self.container(name, |_| ()),
            Value::Bool(value) => self.text(name, &value.to_string()),
            Value::Number(number) => self.text(name, &number.to_string()),
            Value::String(text) => self.text(name, text),
            Value::List(items) => self.container(name, |writer| {
                items.iter().for_each(|item| writer.element("member", item));
            }),
            Value::Map(_) => self.container(name, |writer| writer.members(value)),
        }
    }

    fn text(&mut self, name: &str, text: &str) {
        self.container(name, |writer| escape(&mut writer.xml, text));
    }

    /// Writes an element around `content`, or an empty-element tag when there is none.
    fn container(&mut self, name: &str, content: impl FnOnce(&mut Self)) {
        let start = self.xml.len();
        self.tag("<", name, ">");
        let content_start = self.xml.len();
        content(self);
        if self.xml.len() == content_start {
            self.xml.truncate(start);
            self.tag("<", name, "/>");
        } else {
            self.tag("</", name, ">");
        }
    }
}

impl Writer<'_> {
    fn tag(&mut self, start: &str, name: &str, end: &str) {
        for text in [start, name, end] {
            self.xml.push_str(text);
        }
    }
}

fn is_element_name(name: &str) -> bool {
    name.starts_with(|char: char| char.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    static MODEL: QueryModel = QueryModel {
        version: "",
        namespace: "http://ns/",
        path_member: None,
        root_only: &[],
        spellings: &[
            Spelling { operation: None, member: "Items", wire: "Item", shape: SpellingShape::List },
            Spelling {
                operation: Some("Special"),
                member: "Items",
                wire: "SpecialItem",
                shape: SpellingShape::List,
            },
            Spelling {
                operation: None,
                member: "Tags",
                wire: "Tag",
                shape: SpellingShape::Map { key: "Key", value: "Value" },
            },
            Spelling {
                operation: None,
                member: "Counts",
                wire: "Counts",
                shape: SpellingShape::Entries,
            },
        ],
    };

    fn result(operation: &str, json: &str) -> String {
        let output = Value::from_request_json(json.as_bytes()).expect("valid JSON");
        let xml = output_xml(&MODEL, operation, &output, "id");
        let (_, xml) = xml.split_once("xmlns=\"http://ns/\">").expect("has an envelope");
        xml.split_once("<ResponseMetadata>").expect("has metadata").0.to_owned()
    }

    #[test]
    fn members_are_spelled_by_the_table() {
        let json = r#"{"Items":[{"A":1,"Tags":{"k":"","l":{"B":true}}},{}],"Other":["x"]}"#;
        let expected = "<OpResult><Item><A>1</A><Tag><Key>k</Key><Value/></Tag><Tag><Key>l</Key><Value><B>true</B>\
             </Value></Tag></Item><Item/><Other><member>x</member></Other></OpResult>";
        assert_eq!(result("Op", json), expected);
        let special = result("Special", r#"{"Items":["a","b"]}"#);
        assert_eq!(
            special,
            "<SpecialResult><SpecialItem>a</SpecialItem><SpecialItem>b</SpecialItem></SpecialResult>"
        );
    }

    #[test]
    fn a_map_that_is_not_flattened_has_its_entries_inside() {
        let entries = "<entry><key>Users</key><value>1</value></entry>";
        assert_eq!(
            result("Op", r#"{"Counts":{"Users":1}}"#),
            format!("<OpResult><Counts>{entries}</Counts></OpResult>")
        );
    }

    #[test]
    fn nothing_to_say_is_omitted_and_empty_text_is_not() {
        let json = r#"{"Items":[],"Tags":{},"A":null,"B":[],"C":{}}"#;
        assert_eq!(result("Op", json), "<OpResult><B/></OpResult>");
        assert_eq!(result("Op", r#"{"A":""}"#), "<OpResult><A/></OpResult>");
    }

    #[test]
    fn keys_never_become_elements() {
        let xml = result("Op", r#"{"Unspelled":{"<a b>":"1"}}"#);
        let entry = "<entry><key>&lt;a b&gt;</key><value>1</value></entry>";
        assert_eq!(xml, format!("<OpResult><Unspelled>{entry}</Unspelled></OpResult>"));
    }

    #[test]
    fn text_is_escaped_like_aws_does() {
        assert_eq!(escaped("&<>\"'\r\n\t"), "&amp;&lt;&gt;&quot;'&#xD;\n\t");
        assert_eq!(
            escaped("\0\u{1b}\u{fffe}\u{ffff}é\u{10000}"),
            "\u{fffd}\u{fffd}\u{fffd}\u{fffd}é\u{10000}"
        );
    }
}
