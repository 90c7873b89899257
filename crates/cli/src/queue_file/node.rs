//! What every syntax becomes: texts, lists and sections, each with the line where it stands.
//!
//! Numbers and booleans stay texts: SQS takes every attribute as text, and an account id such as `000000000000` must not
//! become a number.

use crate::settings::nearest::nearest;

/// A value of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    /// Line of its key, or of itself when it has none.
    pub(super) line: usize,
    pub(super) value: Value,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Also a number, a boolean, or nothing: the empty text.
    Text(String),
    List(Vec<Node>),
    Section(Section),
}

/// Keys and values in the order of the file.
pub(super) type Section = Vec<(String, Node)>;

/// What is wrong with a file, and in which line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) line: usize,
    pub(super) text: String,
}

impl Problem {
    pub(super) fn new(line: usize, text: impl Into<String>) -> Self {
        Self { line, text: text.into() }
    }
}

impl Node {
    /// The text of a key that wants one.
    pub(super) fn text(&self, key: &str) -> Result<&str, Problem> {
        match &self.value {
            Value::Text(text) => Ok(text),
            Value::List(_) | Value::Section(_) => Err(self.unwanted(key, "a text or a number")),
        }
    }

    /// The keys of a section; none when there is nothing after the key.
    pub(super) fn section(&self, key: &str) -> Result<&[(String, Node)], Problem> {
        match &self.value {
            Value::Section(section) => Ok(section),
            Value::Text(text) if text.is_empty() => Ok(&[]),
            Value::Text(_) | Value::List(_) => Err(self.unwanted(key, "a section with keys")),
        }
    }

    /// The members of a list; none when there is nothing after the key.
    pub(super) fn list(&self, key: &str) -> Result<&[Node], Problem> {
        match &self.value {
            Value::List(list) => Ok(list),
            Value::Text(text) if text.is_empty() => Ok(&[]),
            Value::Text(_) | Value::Section(_) => Err(self.unwanted(key, "a list")),
        }
    }

    /// Every key and text of a section.
    pub(super) fn texts(&self, key: &str) -> Result<Vec<(String, String)>, Problem> {
        let pairs = self.section(key)?.iter();
        pairs.map(|(name, node)| Ok((name.clone(), node.text(name)?.to_owned()))).collect()
    }

    /// The problem of a value that is not what its key wants.
    pub(super) fn unwanted(&self, key: &str, wanted: &str) -> Problem {
        let found = match &self.value {
            Value::Text(text) => format!("`{text}`"),
            Value::List(_) => "a list".to_owned(),
            Value::Section(_) => "a section".to_owned(),
        };
        Problem::new(self.line, format!("{key}: found {found}, wants {wanted}"))
    }
}

/// The problem of a key that nobody knows.
pub(super) fn unknown(key: &str, node: &Node, known: &[&str]) -> Problem {
    let text = match nearest(key, known.iter().copied()) {
        Some(meant) => format!("unknown key `{key}`, did you mean `{meant}`?"),
        None => format!("unknown key `{key}`, known here are {}", known.join(", ")),
    };
    Problem::new(node.line, text)
}
