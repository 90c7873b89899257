//! A lint is silenced only with a reason.

use crate::tree::Tree;

/// Finds `allow` and `expect` attributes without a reason, in any Rust file.
pub(super) fn check(tree: &Tree) -> Vec<String> {
    let mut problems = Vec::new();
    for (path, content) in tree.matching(|path| path.ends_with(".rs")) {
        for (offset, _) in content.match_indices("#") {
            let rest = content[offset + 1..].trim_start_matches('!');
            if !rest.starts_with("[allow(") && !rest.starts_with("[expect(") {
                continue;
            }
            let line_start = content[..offset].rfind('\n').map_or(0, |newline| newline + 1);
            // Attributes stand at the beginning of a line; in comments and in strings they are only mentioned.
            if !content[line_start..offset].trim().is_empty() {
                continue;
            }
            let attribute = rest.split_once(")]").map_or(rest, |(inside, _)| inside);
            if !attribute.contains("reason") {
                let line = content[..offset].matches('\n').count() + 1;
                problems.push(format!("{path}:{line}: a lint is silenced without a reason"));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_without_reason_is_a_problem() {
        let silent = ["#", "[allow(dead_code)]\nfn a() {}\n"].concat();
        let told = ["#", "[allow(\n    dead_code,\n    reason = \"b\"\n)]\nfn a() {}\n"].concat();
        let tree = Tree::of([("crates/a/src/a.rs", &silent), ("crates/a/src/b.rs", &told)]);
        assert_eq!(check(&tree), ["crates/a/src/a.rs:1: a lint is silenced without a reason"]);
    }
}
