//! Users can read what changes.

use crate::tree::Tree;

/// Checks that CHANGELOG.md has a place for what is not released, and something in it.
pub(super) fn check(tree: &Tree) -> Vec<String> {
    let Some(text) = tree.files.get("CHANGELOG.md") else {
        return vec!["CHANGELOG.md is missing".to_owned()];
    };
    if text.lines().any(|line| line == "## Unreleased") {
        Vec::new()
    } else {
        vec!["CHANGELOG.md has no section `## Unreleased`".to_owned()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_or_section_is_a_problem() {
        assert_eq!(check(&Tree::of([])).len(), 1);
        assert_eq!(check(&Tree::of([("CHANGELOG.md", "# Changelog\n")])).len(), 1);
        assert_eq!(check(&Tree::of([("CHANGELOG.md", "# Changelog\n\n## Unreleased\n")])).len(), 0);
    }
}
