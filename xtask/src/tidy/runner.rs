//! Runs every check.

use super::{
    architecture, attributes, changelog, compatibility, contract, crate_edges, file_names,
    operations, sizes,
};
use crate::metadata;
use crate::tree::Tree;

type Check = fn(&Tree) -> Vec<String>;

const CHECKS: &[Check] = &[
    sizes::check,
    file_names::check,
    attributes::check,
    crate_edges::check_services,
    operations::check,
    architecture::check,
    compatibility::check,
    contract::check,
    changelog::check,
];

/// Checks the repository and lists what is wrong.
pub(crate) fn run() -> Result<Vec<String>, String> {
    let tree = Tree::read()?;
    let mut problems: Vec<String> = CHECKS.iter().flat_map(|check| check(&tree)).collect();
    problems.extend(crate_edges::check_crates(&metadata::packages()?));
    println!("{}", contract::summary(&tree));
    if problems.is_empty() {
        println!("{} files are tidy", tree.files.len());
    }
    Ok(problems)
}
