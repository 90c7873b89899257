//! Files are named by what they are about.

use crate::tree::Tree;

/// Names that say nothing.
const BANNED: &[&str] = &[
    "common",
    "data",
    "helper",
    "helpers",
    "impl",
    "info",
    "manager",
    "misc",
    "processor",
    "util",
    "utils",
];
/// Endings that say nothing either.
const BANNED_ENDINGS: &[&str] =
    &["_helper", "_helpers", "_impl", "_manager", "_processor", "_util", "_utils"];

/// Checks the names of files and folders with Rust sources.
pub(super) fn check(tree: &Tree) -> Vec<String> {
    let mut problems = Vec::new();
    for (path, _) in tree.matching(|path| path.ends_with(".rs")) {
        let is_http = path.contains("/http/");
        for part in path.split('/') {
            let stem = part.strip_suffix(".rs").unwrap_or(part);
            let is_empty_word = BANNED.contains(&stem)
                || BANNED_ENDINGS.iter().any(|ending| stem.ends_with(ending));
            let is_handler = !is_http && matches!(stem, "handler" | "handlers");
            if is_empty_word || is_handler {
                problems.push(format!("{path}: `{stem}` says nothing about what is inside"));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_words_are_problems_and_topics_are_not() {
        let tree = Tree::of([
            ("crates/a/src/util.rs", ""),
            ("crates/a/src/queue_manager.rs", ""),
            ("crates/a/src/handler.rs", ""),
            ("crates/a/src/receipt_handle.rs", ""),
            ("crates/a/src/data_directory.rs", ""),
        ]);
        assert_eq!(check(&tree).len(), 3);
    }
}
