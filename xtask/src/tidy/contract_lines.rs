//! The lines of the contract that state something, each with an anchor that changes when the line does.

/// Sections whose every line needs a row.
const SECTIONS: &[&str] = &["1", "2", "3", "4", "5", "6", "7", "8", "12"];
/// How the contract says where it knows something from; a plain sentence without one is an introduction.
const SOURCES: &[&str] = &["[snapshot", "[model", "[docs", "[issue", "[unsure"];
/// How a sentence begins that only says where the table above it is from.
const ON_SOURCES: &[&str] = &["All rows ", "Sources "];

/// A statement of the contract.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// Counted from one.
    pub(super) number: usize,
    /// As in its heading: `4.3`.
    pub(super) section: &'a str,
    /// Eight hexadecimal digits.
    pub(super) anchor: String,
    pub(super) text: &'a str,
}

/// Finds the rows of tables, the bullets, and the sentences and headings with a source.
pub(super) fn of(contract: &str) -> Vec<Line<'_>> {
    let lines: Vec<&str> = contract.lines().map(str::trim).collect();
    let mut found = Vec::new();
    let mut section = "";
    for (index, &text) in lines.iter().enumerate() {
        if let Some(heading) = text.strip_prefix('#') {
            let heading = heading.trim_start_matches('#').trim_start();
            let number = heading.split(' ').next().unwrap_or_default().trim_end_matches('.');
            if number.starts_with(|c: char| c.is_ascii_digit()) {
                section = number;
            }
        }
        let major = section.split('.').next().unwrap_or_default();
        let below = lines.get(index + 1).copied().unwrap_or_default();
        if SECTIONS.contains(&major) && is_statement(text, below) {
            found.push(Line { number: index + 1, section, anchor: anchor(text), text });
        }
    }
    found
}

fn is_statement(text: &str, below: &str) -> bool {
    if text.starts_with('|') {
        return !is_rule(text) && !is_rule(below);
    }
    if text.starts_with("- ") {
        return true;
    }
    if ON_SOURCES.iter().any(|begin| text.starts_with(begin)) {
        return false;
    }
    let begins = SOURCES.iter().filter_map(|source| text.find(source));
    begins.min().is_some_and(|begin| begin > 0)
}

/// The line between the head of a table and its rows.
fn is_rule(text: &str) -> bool {
    text.starts_with('|') && text.chars().all(|c| "|-: ".contains(c))
}

/// FNV-1a with 32 bits: enough to tell some hundred lines apart.
fn anchor(text: &str) -> String {
    let hash = text
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{hash:08x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_told_from_what_is_around_them() {
        let contract = "\
## 0. Words
- not asked for
## 2. Actions
General rules
- a bullet
### 2.1 CreateQueue
| Condition | Error |
|---|---|
| a row | b |
[docs]
All rows [model].
Response: `x`. [docs]
### 5.8 A rule. [docs]
## 9. Encryption
- not asked for
";
        let found: Vec<(usize, &str)> =
            of(contract).iter().map(|line| (line.number, line.section)).collect();
        assert_eq!(found, [(5, "2"), (9, "2.1"), (12, "2.1"), (13, "5.8")]);
    }

    #[test]
    fn an_anchor_changes_with_its_line() {
        assert_eq!(anchor(""), "811c9dc5");
        assert_eq!(anchor("a"), "e40c292c");
        assert_ne!(anchor("- a rule"), anchor("- a role"));
    }
}
