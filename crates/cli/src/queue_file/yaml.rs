//! YAML to nodes.

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::node::{Node, Problem, Section, Value};

/// Lists and sections inside each other, at most.
const DEPTH_MAX: usize = 32;

/// A list or section that is not at its end.
enum Open {
    List(usize, Vec<Node>),
    /// With the key whose value comes next.
    Section(usize, Section, Option<(usize, String)>),
}

pub(super) fn parse(source: &str) -> Result<Node, Problem> {
    let mut open: Vec<Open> = Vec::new();
    let mut document = None;
    for event in Parser::new_from_str(source) {
        let (event, span) =
            event.map_err(|error| Problem::new(error.marker().line(), error.info().to_owned()))?;
        let line = span.start.line();
        let done = match event {
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => continue,
            Event::Alias(_) => {
                let text = "found an alias, wants the value itself: anchors are not understood";
                return Err(Problem::new(line, text));
            }
            Event::Scalar(text, style, ..) => {
                let is_nothing = style == ScalarStyle::Plain && (text == "~" || text == "null");
                let text = if is_nothing { String::new() } else { text.into_owned() };
                Node { line, value: Value::Text(text) }
            }
            Event::SequenceStart(..) => {
                push(&mut open, Open::List(line, Vec::new()), line)?;
                continue;
            }
            Event::MappingStart(..) => {
                push(&mut open, Open::Section(line, Section::new(), None), line)?;
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(line, list)) => Node { line, value: Value::List(list) },
                Some(Open::Section(line, section, _)) => {
                    Node { line, value: Value::Section(section) }
                }
                None => return Err(Problem::new(line, "found an end without a beginning")),
            },
        };
        match open.last_mut() {
            Some(within) => place(within, done)?,
            None if document.is_some() => {
                return Err(Problem::new(done.line, "found a second document, wants one"));
            }
            None => document = Some(done),
        }
    }
    Ok(document.unwrap_or(Node { line: 1, value: Value::Text(String::new()) }))
}

fn push(open: &mut Vec<Open>, new: Open, line: usize) -> Result<(), Problem> {
    if open.len() == DEPTH_MAX {
        return Err(Problem::new(line, format!("more than {DEPTH_MAX} levels inside each other")));
    }
    open.push(new);
    Ok(())
}

/// Puts a value where it belongs: into the list, or into the section as its next key or value.
fn place(within: &mut Open, node: Node) -> Result<(), Problem> {
    match within {
        Open::List(_, list) => list.push(node),
        Open::Section(_, section, key) => match (key.take(), node.value) {
            (Some((line, name)), value) => {
                if section.iter().any(|(other, _)| *other == name) {
                    return Err(Problem::new(line, format!("`{name}` stands here twice")));
                }
                section.push((name, Node { line, value }));
            }
            (None, Value::Text(name)) => *key = Some((node.line, name)),
            (None, Value::List(_) | Value::Section(_)) => {
                return Err(Problem::new(node.line, "found a list or section, wants a key"));
            }
        },
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_keep_their_spelling_and_keys_their_lines() {
        let node = parse("a:\n  - b: 000000000000\n    c: ~\n  - 'null'\nd: {e: yes}\n");
        let text = |line, text: &str| Node { line, value: Value::Text(text.to_owned()) };
        let first = Value::Section(vec![
            ("b".to_owned(), text(2, "000000000000")),
            ("c".to_owned(), text(3, "")),
        ]);
        let list = Value::List(vec![Node { line: 2, value: first }, text(4, "null")]);
        let last = Value::Section(vec![("e".to_owned(), text(5, "yes"))]);
        let whole = Value::Section(vec![
            ("a".to_owned(), Node { line: 1, value: list }),
            ("d".to_owned(), Node { line: 5, value: last }),
        ]);
        assert_eq!(node, Ok(Node { line: 1, value: whole }));
    }

    #[test]
    fn what_is_broken_or_not_understood_names_its_line() {
        let deep = "[".repeat(DEPTH_MAX + 1);
        for (source, line) in [
            ("a: 1\nb: [}\n", 2),
            ("a: &x 1\nb: *x\n", 2),
            ("a: 1\na: 2\n", 2),
            ("a: 1\n---\nb: 2\n", 3),
            ("[a]: 1\n", 1),
            (deep.as_str(), 1),
        ] {
            let problem = parse(source).expect_err(source);
            assert_eq!(problem.line, line, "{source}: {problem:?}");
        }
    }
}
