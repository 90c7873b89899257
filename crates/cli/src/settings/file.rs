//! Settings from the configuration file, a TOML document. Every problem names the file and the line.

use std::collections::{BTreeMap, BTreeSet};

use toml::de::{DeTable, DeValue};

use super::key::{self, FileType, KEYS, Key};
use super::listener::{self, LISTENER_KEYS};
use super::nearest::nearest;

/// A value of the file, with the line where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) text: String,
    pub(super) line: usize,
}

/// What the file says.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// By dotted name.
    pub(super) entries: BTreeMap<String, Entry>,
    /// Names of the sections `[listeners.NAME]`.
    pub(super) listeners: BTreeSet<String>,
}

/// Reads the document `source` of the file called `name`. Problems are whole sentences for the user.
pub(super) fn read(name: &str, source: &str) -> (Found, Vec<String>) {
    let mut reader = Reader { name, source, found: Found::default(), problems: Vec::new() };
    match DeTable::parse(source) {
        Ok(document) => reader.table("", document.get_ref()),
        Err(error) => {
            let line = error.span().map_or(1, |span| line_of(source, span.start));
            let message = error.message().replace('\n', ", ");
            reader.problems.push(format!("{name}:{line}: {message}"));
        }
    }
    (reader.found, reader.problems)
}

struct Reader<'a> {
    name: &'a str,
    source: &'a str,
    found: Found,
    problems: Vec<String>,
}

impl Reader<'_> {
    fn table(&mut self, prefix: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let name = if prefix.is_empty() {
                key.get_ref().to_string()
            } else {
                format!("{prefix}.{}", key.get_ref())
            };
            let line = line_of(self.source, key.span().start);
            match (form_of(&name), listener_of(&name), value.get_ref()) {
                (Some(form), _, found) => self.value(name, form, found, line),
                (None, Some(listener), DeValue::Table(inner)) => {
                    self.listener(listener, line);
                    self.table(&name, inner);
                }
                (None, _, DeValue::Table(inner)) if !inner.is_empty() => self.table(&name, inner),
                (None, _, _) => self.problem(line, &unknown(&name)),
            }
        }
    }

    fn listener(&mut self, name: &str, line: usize) {
        if listener::is_name(name) {
            self.found.listeners.insert(name.to_owned());
            return;
        }
        let text = format!(
            "`listeners.{name}` wants a name of lower-case letters, digits, hyphens and underscores, 32 at most"
        );
        self.problem(line, &text);
    }

    fn value(&mut self, name: String, form: Form, value: &DeValue<'_>, line: usize) {
        let text = match (form.file_type, value) {
            (FileType::Text | FileType::Bytes, DeValue::String(text)) => Some(text.to_string()),
            (FileType::Integer | FileType::Bytes, DeValue::Integer(integer)) => {
                i128::from_str_radix(integer.as_str(), integer.radix()).ok().map(|n| n.to_string())
            }
            (FileType::Boolean, DeValue::Boolean(is_on)) => Some(is_on.to_string()),
            (FileType::List, DeValue::Array(texts)) => {
                let texts = texts.iter().map(|text| text.get_ref().as_str());
                texts.collect::<Option<Vec<_>>>().map(|texts| texts.join(","))
            }
            _ => None,
        };
        match text {
            Some(text) => {
                self.found.entries.insert(name, Entry { text, line });
            }
            None => {
                let found = value.type_str();
                self.problem(line, &format!("`{name}` wants {}, found {found}", form.wants));
            }
        }
    }

    fn problem(&mut self, line: usize, text: &str) {
        self.problems.push(format!("{}:{line}: {text}", self.name));
    }
}

/// What a value must look like.
struct Form {
    file_type: FileType,
    wants: &'static str,
}

impl<S> From<&Key<S>> for Form {
    fn from(key: &Key<S>) -> Self {
        Self { file_type: key.file_type, wants: key.wants }
    }
}

fn form_of(name: &str) -> Option<Form> {
    match of_listener(name) {
        Some((_, key)) => LISTENER_KEYS.iter().find(|known| known.name == key).map(Form::from),
        None => key::find(name).map(Form::from),
    }
}

/// The name of a listener and that of its key.
fn of_listener(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix("listeners.")?.split_once('.')
}

/// The name of the listener whose section is called so.
fn listener_of(name: &str) -> Option<&str> {
    name.strip_prefix("listeners.").filter(|listener| !listener.contains('.'))
}

fn unknown(name: &str) -> String {
    let (at, known) = match of_listener(name) {
        Some((listener, key)) => {
            let known = nearest(key, LISTENER_KEYS.iter().map(|key| key.name));
            (format!("listeners.{listener}."), known)
        }
        None => (String::new(), nearest(name, KEYS.iter().map(|key| key.name))),
    };
    match known {
        Some(known) => format!("unknown key `{name}`, did you mean `{at}{known}`?"),
        None => format!("unknown key `{name}`; `sluice config check` lists the known ones"),
    }
}

fn line_of(source: &str, offset: usize) -> usize {
    source.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_carry_their_line() {
        let (found, problems) =
            read("s.toml", "listen = \"127.0.0.1:1\"\n\n[http]\nbody_bytes_max = 4_194_304\n");
        assert_eq!(problems, Vec::<String>::new());
        let expected = Entry { text: "4194304".to_owned(), line: 4 };
        assert_eq!(found.entries.get("http.body_bytes_max"), Some(&expected));
    }

    #[test]
    fn every_problem_is_reported_with_file_and_line() {
        let (_, mut problems) = read(
            "s.toml",
            "lisen = \"x\"\nshards = \"four\"\n[http]\nbody_byte_max = 1\n[colour]\nred = 1\n",
        );
        problems.sort();
        assert_eq!(
            problems,
            [
                "s.toml:1: unknown key `lisen`, did you mean `listen`?",
                "s.toml:2: `shards` wants a number from 1 to 256, found string",
                "s.toml:4: unknown key `http.body_byte_max`, did you mean `http.body_bytes_max`?",
                "s.toml:6: unknown key `colour.red`; `sluice config check` lists the known ones",
            ]
        );
    }

    #[test]
    fn broken_syntax_names_its_line() {
        let (_, problems) = read("s.toml", "region = \"a\"\nlisten = \n");
        assert_eq!(problems.len(), 1);
        assert!(problems[0].starts_with("s.toml:2: "), "{problems:?}");
    }
}
