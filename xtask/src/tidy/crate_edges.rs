//! Who may know whom.

use crate::metadata::Package;
use crate::tree::Tree;

/// Crates that know none of ours.
const INDEPENDENT: &[&str] = &["sluice-wire", "sluice-engine", "sluice-store", "sluice-policy"];
/// Crates that only decide.
const PURE: &[&str] = &["sluice-engine", "sluice-policy"];
/// What these cannot need.
const IMPURE: &[&str] = &["tokio", "rand", "hyper", "http", "rocksdb", "rustix", "tracing"];
/// Crates that may know the server.
const ABOVE_SERVER: &[&str] = &["sluice", "fuzz"];

/// The feature that breaks a server on purpose; see crates/server/src/broker/sabotage.rs.
const SABOTAGE: &str = "sabotage";

const SERVICES: &str = "crates/server/src/services/";

/// Checks the manifests of our crates.
pub(super) fn check_crates(packages: &[Package]) -> Vec<String> {
    let mut problems = Vec::new();
    for package in packages.iter().filter(|package| package.source.is_none()) {
        let name = package.name.as_str();
        for dependency in &package.dependencies {
            let other = dependency.name.as_str();
            let is_ours = other.starts_with("sluice");
            let is_wrong = (is_ours && INDEPENDENT.contains(&name))
                || (other == "sluice-server" && !ABOVE_SERVER.contains(&name))
                || (PURE.contains(&name) && !dependency.is_for_tests && IMPURE.contains(&other));
            if is_wrong {
                problems.push(format!("{name} must not depend on {other}"));
            }
        }
        if package.features_on.iter().any(|feature| feature.ends_with(SABOTAGE)) {
            problems.push(format!("{name} must not turn the feature {SABOTAGE} on by itself"));
        }
    }
    problems
}

/// Checks that no service imports another.
pub(super) fn check_services(tree: &Tree) -> Vec<String> {
    let service_of = |path: &str| {
        let rest = path.strip_prefix(SERVICES)?;
        rest.split_once('/').map(|(service, _)| service.to_owned())
    };
    let mut services: Vec<String> = tree.files.keys().filter_map(|path| service_of(path)).collect();
    services.dedup();
    let mut problems = Vec::new();
    for (path, content) in tree.sources() {
        let Some(own) = service_of(path) else { continue };
        for other in services.iter().filter(|other| **other != own) {
            if content.contains(&format!("services::{other}::")) {
                problems.push(format!("{path}: service {own} imports service {other}"));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Dependency;

    fn package(name: &str, dependency: &str) -> Package {
        let dependency = Dependency {
            name: dependency.to_owned(),
            requirement: "*".to_owned(),
            is_for_tests: false,
            is_by_path: true,
        };
        Package { name: name.to_owned(), dependencies: vec![dependency], ..Package::default() }
    }

    #[test]
    fn a_wrong_edge_is_a_problem() {
        let packages = [
            package("sluice-wire", "sluice-engine"),
            package("sluice-engine", "tokio"),
            package("sluice-policy", "rand"),
            package("sluice-policy", "sluice-wire"),
            package("xtask", "sluice-server"),
            package("sluice", "sluice-server"),
            package("sluice-server", "sluice-engine"),
        ];
        assert_eq!(
            check_crates(&packages),
            [
                "sluice-wire must not depend on sluice-engine",
                "sluice-engine must not depend on tokio",
                "sluice-policy must not depend on rand",
                "sluice-policy must not depend on sluice-wire",
                "xtask must not depend on sluice-server"
            ]
        );
    }

    #[test]
    fn a_feature_that_breaks_the_server_is_never_on_by_itself() {
        let features_on = vec!["rt".to_owned(), "sluice-server/sabotage".to_owned()];
        let package = Package { name: "sluice".to_owned(), features_on, ..Package::default() };
        let problems = check_crates(&[package]);
        assert_eq!(problems, ["sluice must not turn the feature sabotage on by itself"]);
    }

    #[test]
    fn a_service_that_imports_another_is_a_problem() {
        let tree = Tree::of([
            ("crates/server/src/services/sns/publish.rs", "use crate::services::sqs::queue_url;"),
            ("crates/server/src/services/sqs/mod.rs", "use crate::services::Operation;"),
        ]);
        assert_eq!(check_services(&tree).len(), 1);
    }
}
