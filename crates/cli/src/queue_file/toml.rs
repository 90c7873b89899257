//! TOML to nodes.

use toml::de::{DeTable, DeValue};

use super::node::{Node, Problem, Section, Value};

pub(super) fn parse(source: &str) -> Result<Node, Problem> {
    match DeTable::parse(source) {
        Ok(document) => Ok(Node { line: 1, value: section(source, document.get_ref()) }),
        Err(error) => {
            let line = error.span().map_or(1, |span| line_of(source, span.start));
            Err(Problem::new(line, error.message().replace('\n', ", ")))
        }
    }
}

fn section(source: &str, table: &DeTable<'_>) -> Value {
    let entry = |(key, value): (&toml::Spanned<_>, &toml::Spanned<DeValue<'_>>)| {
        let line = line_of(source, key.span().start);
        let key: &std::borrow::Cow<'_, str> = key.get_ref();
        (key.to_string(), Node { line, value: node(source, value.get_ref()) })
    };
    let mut section: Section = table.iter().map(entry).collect();
    section.sort_by_key(|(_, node)| node.line);
    Value::Section(section)
}

fn node(source: &str, value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(integer) => {
            let number = i128::from_str_radix(integer.as_str(), integer.radix());
            Value::Text(number.map_or_else(|_| integer.as_str().to_owned(), |n| n.to_string()))
        }
        DeValue::Float(float) => Value::Text(float.as_str().to_owned()),
        DeValue::Boolean(is_on) => Value::Text(is_on.to_string()),
        DeValue::Datetime(datetime) => Value::Text(datetime.to_string()),
        DeValue::Array(members) => Value::List(
            members
                .iter()
                .map(|member| Node {
                    line: line_of(source, member.span().start),
                    value: node(source, member.get_ref()),
                })
                .collect(),
        ),
        DeValue::Table(table) => section(source, table),
    }
}

fn line_of(source: &str, offset: usize) -> usize {
    source.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
