//! Every known difference from AWS is shown by a test.

use super::named_test::Tests;
use crate::tree::Tree;

const PAGE: &str = "docs/compatibility.md";
const COLUMNS: usize = 4;

/// Checks that each row of the tables names a test that exists.
pub(super) fn check(tree: &Tree) -> Vec<String> {
    let Some(text) = tree.files.get(PAGE) else {
        return vec![format!("{PAGE} is missing")];
    };
    let known = Tests::of(tree);
    let mut problems = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| is_row(line)) {
        let cells: Vec<&str> = line.trim().trim_matches('|').split(" | ").map(str::trim).collect();
        let place = format!("{PAGE}:{}", number + 1);
        let tests: Vec<&str> = match cells.last() {
            Some(last) if cells.len() == COLUMNS => last.split('`').skip(1).step_by(2).collect(),
            _ => {
                problems.push(format!("{place}: a row has {COLUMNS} columns"));
                continue;
            }
        };
        if tests.is_empty() {
            problems.push(format!("{place}: no test is named"));
        }
        for test in tests.into_iter().filter(|test| !known.has(test)) {
            problems.push(format!("{place}: there is no test `{test}`"));
        }
    }
    problems
}

fn is_row(line: &str) -> bool {
    let is_table = line.starts_with('|');
    let is_rule = line.chars().all(|c| "|-: ".contains(c));
    is_table && !is_rule && !line.starts_with("| topic |")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_without_an_existing_test_is_a_problem() {
        let page = "\
| topic | AWS | Sluice | test |
|---|---|---|---|
| a | x | y | `tests/here.py` |
| b | x | y | `test_named_here` |
| c | x | y | `nowhere` |
| d | x | y | later |
";
        let tree = Tree::of([(PAGE, page), ("tests/here.py", "def test_named_here(): pass")]);
        assert_eq!(
            check(&tree),
            [
                "docs/compatibility.md:5: there is no test `nowhere`",
                "docs/compatibility.md:6: no test is named"
            ]
        );
    }
}
