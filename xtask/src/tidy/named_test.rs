//! Names of tests, as the pages write them, and whether there are such tests.

use std::collections::BTreeSet;

use crate::tree::Tree;

const GOLDEN: &str = "crates/server/tests/golden/";
const GOLDEN_FILES: &[&str] = &["json.request", "json.response", "query.request", "query.response"];
/// Folders of text files with a comment before each part, and what a comment begins with.
const TEXTS: &[(&str, &str)] = &[
    ("crates/engine/tests/scenarios/", "// "),
    ("crates/wire/tests/golden/", "# "),
    ("crates/policy/tests/cases/", "# "),
];

/// The tests of a repository.
pub(super) struct Tests<'a> {
    tree: &'a Tree,
    functions: BTreeSet<&'a str>,
}

impl<'a> Tests<'a> {
    /// Finds the test functions of the Rust and Python files.
    pub(super) fn of(tree: &'a Tree) -> Self {
        let mut functions = BTreeSet::new();
        for (_, content) in tree.matching(|path| path.ends_with(".rs")) {
            functions.extend(rust_functions(content));
        }
        for (_, content) in tree.matching(|path| path.ends_with(".py")) {
            let lines = content.lines().filter_map(|line| line.strip_prefix("def test_"));
            functions.extend(lines.filter_map(|rest| rest.split('(').next()));
        }
        Self { tree, functions }
    }

    /// Whether `name` is a test: the name of a test function, `Operation/case` of a golden case with its pairs in both
    /// protocols, `file.txt: comment` of a part of a text file, or the path of a file with tests.
    pub(super) fn has(&self, name: &str) -> bool {
        self.has_function(name)
            || self.has_golden_case(name)
            || self.has_part(name)
            || (self.tree.has(name) && (name.contains("tests/") || name.ends_with(".rs")))
    }

    fn has_function(&self, name: &str) -> bool {
        let name = name.rsplit("::").next().unwrap_or(name);
        self.functions.contains(name.strip_prefix("test_").unwrap_or(name))
    }

    fn has_golden_case(&self, name: &str) -> bool {
        let is_file = |end: &&str| self.tree.files.contains_key(&format!("{GOLDEN}{name}.{end}"));
        name.contains('/') && GOLDEN_FILES.iter().all(is_file)
    }

    fn has_part(&self, name: &str) -> bool {
        let (file, part) = name.split_once(": ").unwrap_or((name, ""));
        TEXTS.iter().any(|(folder, mark)| {
            let begins =
                |line: &str| line.strip_prefix(mark).is_some_and(|line| line.starts_with(part));
            let text = self.tree.files.get(&format!("{folder}{file}"));
            text.is_some_and(|text| part.is_empty() || text.lines().any(begins))
        })
    }
}

/// Names of the functions that stand under a test attribute.
fn rust_functions(content: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut is_marked = false;
    for line in content.lines().map(str::trim_start) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_marked = true;
        } else if is_marked && let Some((_, rest)) = line.split_once("fn ") {
            names.extend(rest.split(['(', '<']).next());
            is_marked = false;
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_a_test_counts() {
        let rust = "#[test]\nfn in_rust() {}\n#[tokio::test]\nasync fn later() {}\nfn plain() {}\n";
        let case = "crates/server/tests/golden/SendMessage/bare";
        let [json, answer, query, xml] = GOLDEN_FILES else { unreachable!("four files") };
        let paths = [json, answer, query, xml].map(|end| format!("{case}.{end}"));
        let [json, answer, query, xml] = paths.each_ref().map(|path| (path.as_str(), ""));
        let half = ("crates/server/tests/golden/SendMessage/half.json.request", "");
        let scenario = ("crates/engine/tests/scenarios/delay.txt", "// One waits.\nsend a\n");
        let wire = ("crates/wire/tests/golden/json.txt", "# truncated\n> {\n");
        let python = ("tests/clients/test_a.py", "def test_in_python(queue):\n    pass\n");
        let tree = Tree::of([
            ("crates/a/src/a.rs", rust),
            json,
            answer,
            query,
            xml,
            half,
            scenario,
            wire,
            python,
        ]);
        let tests = Tests::of(&tree);
        for name in [
            "in_rust",
            "later",
            "a::later",
            "test_in_python",
            "SendMessage/bare",
            "delay.txt",
            "delay.txt: One waits",
            "json.txt: truncated",
            "tests/clients/test_a.py",
        ] {
            assert!(tests.has(name), "{name}");
        }
        for name in ["plain", "SendMessage/half", "SendMessage", "delay.txt: Two", "away.txt", ""] {
            assert!(!tests.has(name), "{name}");
        }
    }
}
