//! Each API operation has golden pairs for its protocols, a case of who may call it, and a row in the reference.

use crate::tree::Tree;

const SERVICES: &str = "crates/server/src/services/";
const GOLDEN: &str = "crates/server/tests/golden/";
const REFERENCE: &str = "docs/reference/operations.md";
/// A line for each: who may call it is tried with all of them.
const CASES: &str = "crates/server/tests/authorisation/cases.txt";
const PROTOCOLS: &[&str] = &["json", "query"];
/// How the model of a service says that it does not speak AWS JSON.
const NO_JSON: &str = "target_prefix: \"\"";
/// How it says that it does not speak Query.
const NO_QUERY: &str = "query: None";

/// Checks every operation of every service's list.
pub(super) fn check(tree: &Tree) -> Vec<String> {
    let mut problems = Vec::new();
    let operations = listed(tree);
    if operations.is_empty() {
        problems.push(format!("{SERVICES}: no operation is listed"));
    }
    let text = |path| tree.files.get(path).map_or("", String::as_str);
    let (reference, cases) = (text(REFERENCE), text(CASES));
    for (list, operation) in operations {
        let model = list.replace("/mod.rs", "/model.rs");
        let says = |text| tree.files.get(&model).is_some_and(|model| model.contains(text));
        let speaks = |protocol: &str| !says(if protocol == "json" { NO_JSON } else { NO_QUERY });
        let folder = format!("{GOLDEN}{operation}/");
        for protocol in PROTOCOLS.iter().filter(|protocol| speaks(protocol)) {
            let is_pair =
                |path: &str| path.strip_prefix(&folder).is_some_and(|file| file.contains(protocol));
            if tree.matching(is_pair).next().is_none() {
                problems.push(format!("{folder}: no golden pair for {protocol}"));
            }
        }
        if !cases.lines().any(|case| case.split(' ').next() == Some(operation)) {
            problems.push(format!("{CASES}: no case for {operation}"));
        }
        if !reference.contains(&format!("\n| {operation} |")) {
            problems.push(format!("{REFERENCE}: no row for {operation}; run `cargo xtask docs`"));
        }
    }
    problems
}

/// Type names in `OperationEntry::of::<…>()`, which are the operations' names, and the files that list them.
fn listed(tree: &Tree) -> Vec<(&str, &str)> {
    let mut names = Vec::new();
    for (path, content) in tree.matching(|path| path.starts_with(SERVICES)) {
        for (offset, marker) in content.match_indices("::of::<") {
            let rest = &content[offset + marker.len()..];
            let name = rest.split('>').next().unwrap_or(rest).rsplit("::").next();
            let name = name.map(str::trim).filter(|name| name.len() > 1);
            names.extend(name.map(|name| (path, name)));
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_without_pairs_case_or_row_is_a_problem() {
        let list = "[OperationEntry::of::<a::SendMessage>(), OperationEntry::of::<Other>()]";
        let tree = Tree::of([
            ("crates/server/src/services/sqs/mod.rs", list),
            ("crates/server/src/services/iam/mod.rs", "[OperationEntry::of::<GetUser>()]"),
            ("crates/server/src/services/iam/model.rs", NO_JSON),
            ("crates/server/tests/golden/GetUser/query.txt", ""),
            ("crates/server/tests/golden/SendMessage/json.txt", ""),
            ("crates/server/tests/golden/SendMessage/query.txt", ""),
            (
                CASES,
                "# Others\nSendMessage sqs:SendMessage q {}\nGetUser iam:GetUser u {}\nOthers - * {}\n",
            ),
            (
                REFERENCE,
                "# Operations\n| SendMessage | `sqs:SendMessage` |\n| GetUser | `iam:GetUser` |\n",
            ),
        ]);
        let problems = check(&tree);
        assert_eq!(problems.len(), 4, "{problems:?}");
        assert!(problems.iter().all(|problem| problem.contains("Other")), "{problems:?}");
    }
}
