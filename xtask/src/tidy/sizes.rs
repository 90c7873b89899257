//! Files and functions stay small enough to be proofread.

use crate::tree::Tree;

const FILE_LINES_MAX: usize = 600;
const FILE_LINES_USUAL: usize = 400;
/// Of 100 files, those that may be longer than usual.
const LONG_FILES_PERCENT_MAX: usize = 10;
const MEDIAN_LINES_MAX: usize = 150;
const FUNCTION_LINES_MAX: usize = 70;

/// Checks every source file; unit tests at the end of a file do not count.
pub(super) fn check(tree: &Tree) -> Vec<String> {
    let mut problems = Vec::new();
    let mut sizes = Vec::new();
    for (path, content) in tree.sources() {
        if path.ends_with("tests.rs") || path.contains("/tests/") {
            continue;
        }
        let lines: Vec<&str> = content.lines().take_while(|line| *line != "#[cfg(test)]").collect();
        sizes.push(lines.len());
        if lines.len() > FILE_LINES_MAX {
            problems.push(format!("{path}: {} lines, {FILE_LINES_MAX} at most", lines.len()));
        }
        for (start, length) in long_functions(&lines) {
            problems.push(format!(
                "{path}:{start}: a function of {length} lines, {FUNCTION_LINES_MAX} at most"
            ));
        }
    }
    problems.extend(distribution(&mut sizes));
    problems
}

fn distribution(sizes: &mut [usize]) -> Vec<String> {
    let mut problems = Vec::new();
    sizes.sort_unstable();
    let Some(median) = sizes.get(sizes.len() / 2) else { return problems };
    if *median > MEDIAN_LINES_MAX {
        problems.push(format!("the median file has {median} lines, {MEDIAN_LINES_MAX} at most"));
    }
    let long = sizes.iter().filter(|size| **size > FILE_LINES_USUAL).count();
    if long * 100 > sizes.len() * LONG_FILES_PERCENT_MAX {
        problems.push(format!(
            "{long} of {} files are longer than {FILE_LINES_USUAL} lines",
            sizes.len()
        ));
    }
    problems
}

/// Functions that are too long: line number and length. Relies on rustfmt: a function ends at the brace in its own column.
fn long_functions(lines: &[&str]) -> Vec<(usize, usize)> {
    let mut long = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        if !begins_function(line) {
            continue;
        }
        let end = lines[start..].iter().position(|later| {
            later.len() == indent + 1 && later.ends_with('}') && later.trim_start() == "}"
        });
        let length = end.map_or(0, |end| end + 1);
        if length > FUNCTION_LINES_MAX && !is_bodiless(&lines[start..]) {
            long.push((start + 1, length));
        }
    }
    long
}

/// Whether a line declares a function: `fn` after nothing but visibility and qualifiers.
fn begins_function(line: &str) -> bool {
    let is_qualifier = |word: &&str| {
        word.starts_with("pub") || matches!(*word, "async" | "const" | "unsafe" | "extern")
    };
    line.split_whitespace().find(|word| !is_qualifier(word)) == Some("fn")
}

/// Whether the signature ends in a semicolon, as in a trait, before any body begins.
fn is_bodiless(lines: &[&str]) -> bool {
    let end = lines.iter().find(|line| [';', '{', '}'].iter().any(|last| line.ends_with(*last)));
    end.is_some_and(|line| line.ends_with(';'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(lines: usize) -> String {
        "// A line.\n".repeat(lines)
    }

    #[test]
    fn a_huge_file_is_a_problem_and_its_tests_do_not_count() {
        let huge = file(601);
        let tested = format!("{}#[cfg(test)]\n{}", file(5), file(700));
        let tree = Tree::of([
            ("crates/a/src/huge.rs", &huge),
            ("crates/a/src/tested.rs", &tested),
            ("crates/a/src/small.rs", "//! Small.\n"),
        ]);
        let problems = check(&tree);
        assert!(problems[0].starts_with("crates/a/src/huge.rs: 601 lines"), "{problems:?}");
        assert!(!problems.iter().any(|problem| problem.contains("tested.rs")), "{problems:?}");
    }

    #[test]
    fn many_middling_files_are_a_problem_too() {
        let sizes = distribution(&mut [200, 200, 200, 500]);
        assert_eq!(sizes.len(), 2, "{sizes:?}");
    }

    #[test]
    fn a_long_function_is_found_where_it_begins() {
        let text =
            format!("impl A {{\n    pub(crate) async fn long() {{\n{}    }}\n}}\n", file(70));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(long_functions(&lines), [(2, 72)]);
    }
}
