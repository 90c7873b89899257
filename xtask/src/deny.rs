//! The part of `cargo deny check` that needs no network and no installation: licences, sources, banned crates.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use crate::license::is_satisfied;
use crate::metadata::{self, Package};
use crate::tree::root;

/// Checks every crate of the lock file against deny.toml.
pub(crate) fn run() -> Result<Vec<String>, String> {
    let text = std::fs::read_to_string(root().join("deny.toml"))
        .map_err(|error| format!("cannot read deny.toml: {error}"))?;
    let rules: Table = text.parse().map_err(|error| format!("deny.toml: {error}"))?;
    let packages = metadata::packages()?;
    for (name, versions) in duplicates(&packages) {
        println!("note: {name} is used in {} versions: {}", versions.len(), versions.join(", "));
    }
    println!("{} crates checked; advisories need `cargo deny check advisories`", packages.len());
    Ok(problems(&rules, &packages))
}

fn problems(rules: &Table, packages: &[Package]) -> Vec<String> {
    let allowed: BTreeSet<String> =
        strings(&rules["licenses"]["allow"]).map(str::to_owned).collect();
    let banned: BTreeMap<&str, &str> = array(&rules["bans"]["deny"])
        .filter_map(|rule| Some((rule["crate"].as_str()?, rule["reason"].as_str()?)))
        .collect();
    let mut problems = Vec::new();
    let mut registries = BTreeSet::new();
    for package in packages {
        let name = format!("{} {}", package.name, package.version);
        let license = package.license.as_deref().unwrap_or("");
        if !is_satisfied(license, &allowed) {
            problems.push(format!("{name}: the licence `{license}` is not allowed by deny.toml"));
        }
        if let Some(reason) = banned.get(package.name.as_str()) {
            problems.push(format!("{name}: banned by deny.toml: {reason}"));
        }
        match &package.source {
            None => problems.extend(wildcards(package)),
            Some(source) if source.starts_with("registry+") => {
                registries.insert(source.as_str());
            }
            Some(source) => problems.push(format!("{name}: {source} is not a registry")),
        }
    }
    if registries.len() > 1 {
        problems.push(format!("more than one registry: {registries:?}"));
    }
    problems
}

fn wildcards(package: &Package) -> impl Iterator<Item = String> {
    package
        .dependencies
        .iter()
        .filter(|dependency| dependency.requirement == "*" && !dependency.is_by_path)
        .map(|dependency| format!("{}: any version of {}", package.name, dependency.name))
}

fn duplicates(packages: &[Package]) -> BTreeMap<&str, Vec<&str>> {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in packages {
        versions.entry(&package.name).or_default().push(&package.version);
    }
    versions.retain(|_, versions| versions.len() > 1);
    versions
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn strings(value: &Value) -> impl Iterator<Item = &str> {
    array(value).filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = "\
[licenses]
allow = ['MIT']
[bans]
deny = [{ crate = 'left-pad', reason = 'write it' }]
";

    fn package(name: &str, license: &str, source: Option<&str>) -> Package {
        Package {
            name: name.to_owned(),
            license: Some(license.to_owned()),
            source: source.map(str::to_owned),
            ..Package::default()
        }
    }

    #[test]
    fn each_rule_can_fail() {
        let rules: Table = RULES.parse().expect("the rules are well-formed");
        let packages = [
            package("good", "MIT", Some("registry+a")),
            package("foreign", "MIT", Some("git+https://example.com/foreign")),
            package("copyleft", "GPL-3.0", Some("registry+a")),
            package("left-pad", "MIT", Some("registry+a")),
        ];
        let problems = problems(&rules, &packages);
        assert_eq!(problems.len(), 3, "{problems:?}");
    }
}
