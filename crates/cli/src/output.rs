//! The only place that writes to stdout, and to stderr outside the log.

use std::io::{self, IsTerminal, Write};

use serde_json::Value;

use crate::exit::Failure;

/// Writes data to stdout. A reader that went away (`sluice … | head`) is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::Refused(format!("cannot write to stdout: {error}"))),
    }
}

/// Writes a JSON document to stdout, indented.
pub(crate) fn print_json(value: &Value) -> Result<(), Failure> {
    print(&format!("{value:#}\n"))
}

/// Tells a person something on stderr. Nobody can be told that stderr does not work.
pub(crate) fn tell(text: &str) {
    let mut out = io::stderr().lock();
    let _told = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n"));
}

/// Says why the command failed, each line marked with the program's name.
pub(crate) fn complain(failure: &Failure) {
    for line in failure.to_string().lines() {
        tell(&format!("sluice: {line}"));
    }
}

/// Columns aligned under each other, two spaces apart.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&format!("{cell:<width$}  "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Asks a yes-or-no question when a person is there to answer; without one, the answer must have been given by flag.
pub(crate) fn confirm(question: &str) -> Result<(), Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::Usage(format!(
            "{question} needs `--yes` when stdin is not a terminal"
        )));
    }
    let mut out = io::stderr().lock();
    let _told = write!(out, "{question} [y/N] ").and_then(|()| out.flush());
    let mut answer = String::new();
    io::stdin()
        .read_line(&mut answer)
        .map_err(|error| Failure::Refused(format!("cannot read the answer: {error}")))?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(Failure::Refused("nothing was changed".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_aligned_by_characters() {
        let rows = [vec!["ä".to_owned(), "1".to_owned()], vec!["bcd".to_owned(), "2".to_owned()]];
        assert_eq!(table(&rows), "ä    1\nbcd  2\n");
    }
}
