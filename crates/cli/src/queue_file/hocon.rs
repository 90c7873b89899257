//! HOCON to nodes: the part of it that people use in configuration files.
//!
//! Understood: comments, braces or none around the file, `=`, `:` or nothing before a section, dotted and quoted keys, newlines
//! or commas between entries, quoted, triple-quoted and unquoted texts, lists, and later values that override or extend
//! earlier ones. Not understood, and said so where a value depends on it: `include`, substitutions, `+=`.
//! None of the published parsers keeps lines, is maintained, and comes without a network stack or big numbers.

use super::node::{Node, Problem, Section, Value};

/// Sections and lists inside each other, at most.
const DEPTH_MAX: usize = 32;
/// What ends an unquoted text.
const TEXT_ENDS: &[char] = &['\n', ',', '{', '}', '[', ']', '"', '#'];
/// What ends an unquoted key, besides the dot between two keys.
const KEY_ENDS: &[char] = &['\n', ',', '{', '}', '[', ']', '"', '#', '=', ':', '+', '.'];

/// A file, and what was left out of it.
#[derive(Debug)]
pub(super) struct Hocon {
    pub(super) node: Node,
    /// `include` statements.
    pub(super) left_out: Vec<Problem>,
}

pub(super) fn parse(source: &str) -> Result<Hocon, Problem> {
    let mut parser = Parser { source, at: 0, depth: 0, left_out: Vec::new() };
    parser.skip_blank();
    let value = if parser.rest().starts_with('{') {
        parser.section()?
    } else {
        parser.entries(Until::EndOfFile)?
    };
    parser.skip_blank();
    if !parser.rest().is_empty() {
        return Err(parser.problem("found more after the closing brace of the file"));
    }
    Ok(Hocon { node: Node { line: 1, value }, left_out: parser.left_out })
}

/// Whether this text contains a substitution, which is not understood.
pub(super) fn has_substitution(text: &str) -> bool {
    text.contains("${")
}

#[derive(PartialEq, Eq)]
enum Until {
    EndOfFile,
    Brace,
}

struct Parser<'a> {
    source: &'a str,
    at: usize,
    depth: usize,
    left_out: Vec<Problem>,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.source[self.at..]
    }

    fn line(&self) -> usize {
        self.source[..self.at].bytes().filter(|byte| *byte == b'\n').count() + 1
    }

    fn problem(&self, text: impl Into<String>) -> Problem {
        Problem::new(self.line(), text)
    }

    fn take(&mut self, token: &str) -> bool {
        let is_there = self.rest().starts_with(token);
        if is_there {
            self.at += token.len();
        }
        is_there
    }

    /// Skips spaces, and a comment up to the end of its line.
    fn skip_spaces(&mut self) {
        let rest = self.rest();
        let trimmed =
            rest.trim_start_matches(|c: char| c != '\n' && (c.is_whitespace() || c == '\u{feff}'));
        self.at += rest.len() - trimmed.len();
        if trimmed.starts_with('#') || trimmed.starts_with("//") {
            self.at += trimmed.find('\n').unwrap_or(trimmed.len());
        }
    }

    /// Skips spaces, comments and newlines.
    fn skip_blank(&mut self) {
        loop {
            self.skip_spaces();
            if !self.take("\n") {
                return;
            }
        }
    }

    /// Skips what stands between two entries or members.
    fn skip_separators(&mut self) {
        loop {
            self.skip_blank();
            if !self.take(",") {
                return;
            }
        }
    }

    fn section(&mut self) -> Result<Value, Problem> {
        self.deeper()?;
        self.take("{");
        let value = self.entries(Until::Brace)?;
        self.depth -= 1;
        Ok(value)
    }

    fn deeper(&mut self) -> Result<(), Problem> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.problem(format!("more than {DEPTH_MAX} levels inside each other")));
        }
        Ok(())
    }

    fn entries(&mut self, until: Until) -> Result<Value, Problem> {
        let begun = self.line();
        let mut section = Section::new();
        loop {
            self.skip_separators();
            if self.rest().is_empty() {
                return match until {
                    Until::EndOfFile => Ok(Value::Section(section)),
                    Until::Brace => {
                        Err(Problem::new(begun, "the section that begins here has no `}`"))
                    }
                };
            }
            if until == Until::Brace && self.take("}") {
                return Ok(Value::Section(section));
            }
            self.entry(&mut section)?;
        }
    }

    fn entry(&mut self, section: &mut Section) -> Result<(), Problem> {
        let line = self.line();
        if self.skip_include() {
            self.left_out.push(Problem::new(line, "`include` is not followed"));
            return Ok(());
        }
        let path = self.path()?;
        self.skip_blank();
        if self.rest().starts_with("+=") {
            return Err(self.problem("found `+=`, wants `=`: lists cannot be extended here"));
        }
        let value = if self.rest().starts_with('{') {
            self.section()?
        } else if self.take("=") || self.take(":") {
            self.skip_blank();
            self.value()?
        } else {
            let key = path.join(".");
            return Err(Problem::new(
                line,
                format!("`{key}` has no value, wants `=`, `:` or `{{`"),
            ));
        };
        self.skip_spaces();
        if !self.rest().is_empty() && !self.rest().starts_with(['\n', ',', '}']) {
            return Err(self.problem("found more after a value, wants a new line or a comma"));
        }
        insert(section, line, path, value);
        Ok(())
    }

    /// `include "file"` and its relatives such as `include classpath("file")`, alone on the rest of the line.
    fn skip_include(&mut self) -> bool {
        let Some(what) = self.rest().strip_prefix("include") else { return false };
        let is_statement =
            what.starts_with([' ', '\t']) && !what.trim_start().starts_with(['=', ':', '{']);
        if is_statement {
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
        is_statement
    }

    /// Keys with dots between them.
    fn path(&mut self) -> Result<Vec<String>, Problem> {
        let mut path = Vec::new();
        loop {
            self.skip_spaces();
            let key = if self.rest().starts_with('"') {
                self.quoted()?
            } else {
                self.unquoted(KEY_ENDS).trim().to_owned()
            };
            if key.is_empty() {
                let found =
                    self.rest().chars().next().map_or("the end".to_owned(), |c| format!("`{c}`"));
                return Err(self.problem(format!("found {found}, wants a key")));
            }
            if path.len() == DEPTH_MAX {
                return Err(
                    self.problem(format!("more than {DEPTH_MAX} keys with dots between them"))
                );
            }
            path.push(key);
            self.skip_spaces();
            if !self.take(".") {
                return Ok(path);
            }
        }
    }

    fn value(&mut self) -> Result<Value, Problem> {
        match self.rest().chars().next() {
            Some('{') => self.section(),
            Some('[') => self.list(),
            _ => self.text(),
        }
    }

    fn list(&mut self) -> Result<Value, Problem> {
        self.deeper()?;
        let begun = self.line();
        self.take("[");
        let mut list = Vec::new();
        loop {
            self.skip_separators();
            if self.take("]") {
                self.depth -= 1;
                return Ok(Value::List(list));
            }
            if self.rest().is_empty() {
                return Err(Problem::new(begun, "the list that begins here has no `]`"));
            }
            let line = self.line();
            list.push(Node { line, value: self.value()? });
        }
    }

    /// Quoted and unquoted texts next to each other are one text. A substitution stays as it is written.
    fn text(&mut self) -> Result<Value, Problem> {
        let mut text = String::new();
        let begun = self.at;
        loop {
            if self.rest().starts_with('"') {
                text.push_str(&self.quoted()?);
            } else if self.rest().starts_with("${") {
                let end = self.rest().find(['}', '\n']).unwrap_or(self.rest().len());
                if !self.rest()[end..].starts_with('}') {
                    return Err(self.problem("the substitution that begins here has no `}`"));
                }
                text.push_str(&self.rest()[..=end]);
                self.at += end + 1;
            } else {
                let part = self.unquoted(TEXT_ENDS);
                if part.is_empty() {
                    break;
                }
                text.push_str(part);
            }
        }
        if self.at == begun {
            return Err(self.problem("found nothing, wants a value"));
        }
        // Spaces count between two parts, and inside quotes; only an unquoted end is trimmed.
        let is_quoted = self.source[begun..self.at].ends_with('"');
        Ok(Value::Text(if is_quoted { text } else { text.trim_end().to_owned() }))
    }

    /// The text up to one of `ends`, a comment or a substitution.
    fn unquoted(&mut self, ends: &[char]) -> &'a str {
        let rest = self.rest();
        let ends = [rest.find(ends), rest.find("//"), rest.find("${")];
        let end = ends.into_iter().flatten().min().unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn quoted(&mut self) -> Result<String, Problem> {
        if let Some(raw) = self.rest().strip_prefix("\"\"\"") {
            let end =
                raw.find("\"\"\"").ok_or_else(|| self.problem("the text has no closing quotes"))?;
            self.at += end + 6;
            return Ok(raw[..end].to_owned());
        }
        let mut is_escaped = false;
        let end = self.rest().char_indices().skip(1).find(|(_, c)| {
            let is_end = *c == '\n' || (*c == '"' && !is_escaped);
            is_escaped = *c == '\\' && !is_escaped;
            is_end
        });
        let end = end.filter(|(_, c)| *c == '"').map(|(end, _)| end);
        let end = end.ok_or_else(|| self.problem("the text has no closing quote on its line"))?;
        let literal = &self.rest()[..=end];
        let text = serde_json::from_str(literal).map_err(|_| {
            self.problem(format!("found {literal}, wants a text with JSON's escapes"))
        })?;
        self.at += end + 1;
        Ok(text)
    }
}

/// Puts a value under a path. Sections under the same key become one, any other value takes the place of the one before.
fn insert(section: &mut Section, line: usize, path: Vec<String>, value: Value) {
    let value = path[1..]
        .iter()
        .rev()
        .fold(value, |inner, key| Value::Section(vec![(key.clone(), Node { line, value: inner })]));
    merge(section, path[0].clone(), Node { line, value });
}

fn merge(section: &mut Section, key: String, node: Node) {
    let Some((_, before)) = section.iter_mut().find(|(name, _)| *name == key) else {
        section.push((key, node));
        return;
    };
    match (&mut before.value, node.value) {
        (Value::Section(before), Value::Section(after)) => {
            for (key, node) in after {
                merge(before, key, node);
            }
        }
        (_, value) => *before = Node { line: node.line, value },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Renders a node without its lines.
    fn shown(node: &Node) -> String {
        match &node.value {
            Value::Text(text) => format!("{text:?}"),
            Value::List(list) => {
                format!("[{}]", list.iter().map(shown).collect::<Vec<_>>().join(" "))
            }
            Value::Section(section) => {
                let pairs = section.iter().map(|(key, node)| format!("{key}={}", shown(node)));
                format!("{{{}}}", pairs.collect::<Vec<_>>().join(" "))
            }
        }
    }

    fn parsed(source: &str) -> String {
        shown(&parse(source).expect(source).node)
    }

    #[test]
    fn every_way_to_write_an_entry_means_the_same() {
        for source in [
            "a { b = 10 seconds }",
            "a { b: 10 seconds // ten\n}",
            "{ a: { b: \"10 seconds\" } }",
            "a.b = 10 seconds",
            "# comment\na = {\n  b = 10 seconds # ten\n}\n",
            "a { c = 1 }\na = 2\na { b = 5 s }\na.b = \"\"\"10 seconds\"\"\", ",
            "\"a\".\"b\" : \"10\"\" seconds\"",
            "a\n{\n b =\n 10 seconds\n}",
        ] {
            assert_eq!(parsed(source), r#"{a={b="10 seconds"}}"#, "{source}");
        }
    }

    #[test]
    fn quoted_keys_keep_their_dots_and_texts_their_slashes() {
        assert_eq!(
            parsed("\"a.fifo\" { fifo = true }\nurl = \"http://x\" \nlist = [1, 2\n 3]\n"),
            r#"{a.fifo={fifo="true"} url="http://x" list=["1" "2" "3"]}"#
        );
    }

    #[test]
    fn includes_are_left_out_and_substitutions_kept_as_written() {
        let source = "include classpath(\"application.conf\")\nhost = ${?HOST}\ninclude = 1\n";
        let hocon = parse(source).expect("fine");
        assert_eq!(shown(&hocon.node), r#"{host="${?HOST}" include="1"}"#);
        assert_eq!(hocon.left_out, [Problem::new(1, "`include` is not followed")]);
        assert!(has_substitution("${?HOST}"));
    }

    #[test]
    fn a_file_that_is_cut_or_garbled_never_panics() {
        const WHOLE: &str = include_str!("../../tests/queue_files/elasticmq.conf");
        let mut refused = 0;
        for at in 0..WHOLE.len() {
            refused += usize::from(parse(&WHOLE[..at]).is_err());
            for garbage in ["\"", "{", "}", "$", "ä", "\\", "\n", "include "] {
                let garbled = format!("{}{garbage}{}", &WHOLE[..at], &WHOLE[at..]);
                refused += usize::from(parse(&garbled).is_err());
            }
        }
        assert!(refused > WHOLE.len(), "{refused}");
    }

    #[test]
    fn what_is_broken_names_its_line() {
        let deep = "a {".repeat(DEPTH_MAX + 1);
        let long = "a.".repeat(DEPTH_MAX + 1);
        for (source, line, part) in [
            ("a {\n b = 1\n", 1, "no `}`"),
            ("a = [1\n", 1, "no `]`"),
            ("a = 1\nb\n", 2, "`b` has no value"),
            ("a =", 1, "wants a value"),
            ("\n= 1", 2, "wants a key"),
            ("a = \"x\n\"", 1, "no closing quote"),
            ("a = \"\\q\"", 1, "JSON's escapes"),
            ("a += 1", 1, "`+=`"),
            ("{ a = 1 }\nb = 2", 2, "after the closing brace"),
            ("a = ${x\n", 1, "substitution"),
            ("a = {} b", 1, "more after a value"),
            (deep.as_str(), 1, "levels"),
            (long.as_str(), 1, "keys with dots"),
        ] {
            let problem = parse(source).expect_err(source);
            assert!(problem.text.contains(part), "{source}: {problem:?}");
            assert_eq!(problem.line, line, "{source}: {problem:?}");
        }
    }
}
