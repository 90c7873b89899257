//! The code map speaks of files that exist.

use crate::tree::Tree;

const MAP: &str = "ARCHITECTURE.md";

/// Checks every path in backticks.
pub(super) fn check(tree: &Tree) -> Vec<String> {
    let Some(text) = tree.files.get(MAP) else {
        return vec![format!("{MAP} is missing")];
    };
    let mut problems = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for path in line.split('`').skip(1).step_by(2).filter(|quoted| is_path(quoted)) {
            if !tree.has(path.trim_start_matches("./")) {
                problems.push(format!("{MAP}:{}: there is no {path}", number + 1));
            }
        }
    }
    problems
}

/// Paths are relative and have a slash or the ending of a file; `/metrics` is a URL and `a::b` is a name.
fn is_path(quoted: &str) -> bool {
    let is_plain = quoted.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c));
    let has_ending = [".rs", ".md", ".toml", ".py", ".sh"].iter().any(|end| quoted.ends_with(end));
    is_plain && !quoted.starts_with('/') && (quoted.contains('/') || has_ending)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_does_not_exist_is_a_problem() {
        let map = "See `crates/a/src/gone.rs`, `./crates/a/`, `/metrics`, `a::b` and `Config`.\n";
        let tree = Tree::of([(MAP, map), ("crates/a/src/here.rs", "")]);
        assert_eq!(check(&tree), ["ARCHITECTURE.md:1: there is no crates/a/src/gone.rs"]);
    }
}
