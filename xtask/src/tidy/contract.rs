//! Every row of the contract is shown by a test, or says why it cannot be.

use std::collections::BTreeSet;

use super::contract_lines::{self, Line};
use super::named_test::Tests;
use crate::tree::{Tree, root};

const PAGE: &str = "docs/contract.md";
/// Where the contract lies beside a checkout; it is no part of the repository, and without it only the page is checked.
const CONTRACT: &str = "../shared/reference/sqs-contract.md";
const COLUMNS: usize = 5;
const NOT_COVERED: &str = "not covered: ";
/// A row whose behaviour is being built.
const PENDING: &str = "pending: ";
/// How many rows may be pending; 0 when every row that can have a test has one.
const PENDING_MAX: usize = 0;
const TRUST: &[&str] = &[
    "snapshot",
    "snapshot:moto",
    "snapshot:pail",
    "model",
    "docs",
    "issue",
    "unsure:cap",
    "unsure",
];

/// One row of the page.
#[derive(Debug)]
struct Row<'a> {
    /// Where it stands, for messages.
    place: String,
    id: &'a str,
    /// Of the contract's line that it stands for; several rows can share one.
    anchor: &'a str,
    trust: &'a str,
    shown_by: &'a str,
}

/// Checks the page, and that it knows every line of the contract if the contract is there.
pub(super) fn check(tree: &Tree) -> Vec<String> {
    check_against(tree, std::fs::read_to_string(root().join(CONTRACT)).ok().as_deref())
}

/// Says how many rows have tests.
pub(super) fn summary(tree: &Tree) -> String {
    let page = tree.files.get(PAGE).map_or("", String::as_str);
    let (rows, _) = rows(page);
    let count = |marker| rows.iter().filter(|row| row.shown_by.starts_with(marker)).count();
    let (not_covered, pending) = (count(NOT_COVERED), count(PENDING));
    format!(
        "{PAGE}: {} rows, {} with tests, {not_covered} not covered, {pending} pending",
        rows.len(),
        rows.len() - not_covered - pending
    )
}

fn check_against(tree: &Tree, contract: Option<&str>) -> Vec<String> {
    let Some(page) = tree.files.get(PAGE) else {
        return vec![format!("{PAGE} is missing")];
    };
    let (rows, mut problems) = rows(page);
    let tests = Tests::of(tree);
    let mut ids = BTreeSet::new();
    for row in &rows {
        if !ids.insert(row.id) {
            problems.push(format!("{}: a second row {}", row.place, row.id));
        }
        for trust in row.trust.split(", ").filter(|trust| !TRUST.contains(trust)) {
            problems.push(format!("{}: `{trust}` is no trust tag", row.place));
        }
        problems.extend(check_tests(row, &tests));
    }
    let pending = rows.iter().filter(|row| row.shown_by.starts_with(PENDING)).count();
    if pending > PENDING_MAX {
        problems.push(format!("{PAGE}: {pending} rows are pending, {PENDING_MAX} may be"));
    }
    if let Some(contract) = contract {
        problems.extend(compare(&rows, &contract_lines::of(contract)));
    }
    problems
}

/// The rows of every table on the page, and lines that look like rows and are none.
fn rows(page: &str) -> (Vec<Row<'_>>, Vec<String>) {
    let mut rows = Vec::new();
    let mut problems = Vec::new();
    for (index, line) in page.lines().enumerate().filter(|(_, line)| line.starts_with("| `")) {
        let place = format!("{PAGE}:{}", index + 1);
        let cells: Vec<&str> = line.trim_matches(['|', ' ']).split(" | ").map(str::trim).collect();
        match cells.as_slice() {
            [id, anchor, _, trust, shown_by] => {
                let id = id.trim_matches('`');
                rows.push(Row { place, id, anchor, trust, shown_by });
            }
            _ => problems.push(format!("{place}: a row has {COLUMNS} columns")),
        }
    }
    (rows, problems)
}

fn check_tests(row: &Row<'_>, tests: &Tests<'_>) -> Vec<String> {
    let Row { place, id, shown_by, .. } = row;
    if shown_by.starts_with(PENDING) {
        return Vec::new();
    }
    if let Some(reason) = shown_by.strip_prefix(NOT_COVERED) {
        let is_told = !reason.is_empty();
        return if is_told { Vec::new() } else { vec![format!("{place}: {id} gives no reason")] };
    }
    let names: Vec<&str> = shown_by.split('`').skip(1).step_by(2).collect();
    if names.is_empty() {
        return vec![format!("{place}: {id} has neither a test nor a reason")];
    }
    let missing = names.iter().filter(|name| !tests.has(name));
    missing.map(|name| format!("{place}: {id}: there is no test `{name}`")).collect()
}

/// Each line has a row in its section, and each row a line.
fn compare(rows: &[Row<'_>], lines: &[Line<'_>]) -> Vec<String> {
    let mut problems = Vec::new();
    let is_of = |row: &Row<'_>, line: &Line<'_>| {
        let section = row.id.split('/').next().unwrap_or_default();
        let rest = line.section.strip_prefix(section);
        row.anchor == line.anchor
            && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    for line in lines.iter().filter(|line| !rows.iter().any(|row| is_of(row, line))) {
        let Line { number, section, anchor, text } = line;
        problems.push(format!("{PAGE}: no row {section}/… {anchor} for line {number}: {text}"));
    }
    for row in rows.iter().filter(|row| !lines.iter().any(|line| is_of(row, line))) {
        let Row { place, id, anchor, .. } = row;
        problems.push(format!("{place}: {id}: the contract has no line {anchor} there"));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTRACT: &str = "## 2. Actions\n### 2.8 SendMessage\n- one\n- two\n";

    fn problems(rows: &[&str]) -> Vec<String> {
        let page = rows.join("\n");
        let tree = Tree::of([(PAGE, &page), ("a.rs", "#[test]\nfn shown() {}\n")]);
        check_against(&tree, Some(CONTRACT))
    }

    fn row(id: &str, line: usize, shown_by: &str) -> String {
        let anchor = &contract_lines::of(CONTRACT)[line].anchor;
        format!("| `{id}` | {anchor} | words | docs, snapshot | {shown_by} |")
    }

    #[test]
    fn rows_with_a_test_or_a_reason_are_fine_and_can_share_a_line() {
        let split = [
            row("2.8/one", 0, "`shown`"),
            row("2.8/also-one", 0, "not covered: billing"),
            row("2/two", 1, "`shown`"),
        ];
        assert_eq!(problems(&split.each_ref().map(String::as_str)), [""; 0]);
    }

    #[test]
    fn a_line_without_a_row_is_a_problem() {
        let found = problems(&[&row("2.8/one", 0, "`shown`")]);
        let anchor = &contract_lines::of(CONTRACT)[1].anchor;
        assert_eq!(found, [format!("{PAGE}: no row 2.8/… {anchor} for line 4: - two")]);
        let misplaced = [row("2.8/one", 0, "`shown`"), row("2.9/two", 1, "`shown`")];
        assert_eq!(problems(&misplaced.each_ref().map(String::as_str)).len(), 2);
    }

    #[test]
    fn a_row_without_a_test_is_a_problem() {
        for (shown_by, said) in [
            ("`gone`", "there is no test `gone`"),
            ("later", "has neither a test nor a reason"),
            ("not covered: ", "has neither a test nor a reason"),
        ] {
            let rows = [row("2.8/one", 0, "`shown`"), row("2.8/two", 1, shown_by)];
            let found = problems(&rows.each_ref().map(String::as_str));
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].contains(said), "{found:?}");
        }
    }

    #[test]
    fn pending_rows_beyond_the_allowed_are_a_problem() {
        let pending = |n: usize| row(&format!("2.8/pending-{n}"), 0, "pending: fair queues");
        let mut rows: Vec<String> = (0..PENDING_MAX).map(pending).collect();
        rows.push(row("2.8/two", 1, "`shown`"));
        rows.push(row("2.8/one", 0, "`shown`"));
        let found =
            |rows: &[String]| problems(&rows.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(found(&rows), [""; 0]);
        rows.push(pending(PENDING_MAX));
        let more = PENDING_MAX + 1;
        let said = format!("{PAGE}: {more} rows are pending, {PENDING_MAX} may be");
        assert_eq!(found(&rows), [said]);
    }

    #[test]
    fn malformed_rows_are_problems() {
        let good = [row("2.8/one", 0, "`shown`"), row("2.8/two", 1, "`shown`")];
        let bad = [
            row("2.8/two", 1, "`shown`"),
            row("2.8/x", 1, "`shown`").replace("docs", "hearsay"),
            "| `2.8/y` | few |".to_owned(),
            "| `2.8/z` | 00000000 | words | docs | `shown` |".to_owned(),
        ];
        for row in &bad {
            let found = problems(&[&good[0], &good[1], row]);
            assert_eq!(found.len(), 1, "{found:?}");
        }
    }

    #[test]
    fn the_summary_counts() {
        let page =
            [row("a", 0, "`shown`"), row("b", 0, "not covered: x"), row("c", 0, "pending: y")];
        let tree = Tree::of([(PAGE, &page.join("\n"))]);
        let text = "3 rows, 1 with tests, 1 not covered, 1 pending";
        assert_eq!(summary(&tree), format!("{PAGE}: {text}"));
    }
}
