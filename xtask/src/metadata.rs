//! What cargo knows about our crates and those they use.

use std::process::Command;

use serde_json::Value;

use crate::tree::root;

/// One crate.
#[derive(Debug, Clone, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) license: Option<String>,
    /// Where it comes from; `None` for our own.
    pub(crate) source: Option<String>,
    pub(crate) dependencies: Vec<Dependency>,
    /// Features that are on without being asked for: the default ones of the crate, and what it asks of others.
    pub(crate) features_on: Vec<String>,
}

/// One line of a crate's manifest.
#[derive(Debug, Clone)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) requirement: String,
    pub(crate) is_for_tests: bool,
    pub(crate) is_by_path: bool,
}

/// Every crate of the lock file, for every platform.
pub(crate) fn packages() -> Result<Vec<Package>, String> {
    let output = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root())
        .output()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    let document: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("cargo metadata: {error}"))?;
    Ok(array(&document, "packages").map(package).collect())
}

fn package(value: &Value) -> Package {
    Package {
        name: text(value, "name").unwrap_or_default(),
        version: text(value, "version").unwrap_or_default(),
        license: text(value, "license"),
        source: text(value, "source"),
        dependencies: array(value, "dependencies").map(dependency).collect(),
        features_on: array(&value["features"], "default")
            .chain(array(value, "dependencies").flat_map(|wanted| array(wanted, "features")))
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect(),
    }
}

fn dependency(value: &Value) -> Dependency {
    Dependency {
        name: text(value, "name").unwrap_or_default(),
        requirement: text(value, "req").unwrap_or_default(),
        is_for_tests: text(value, "kind").as_deref() == Some("dev"),
        is_by_path: value["path"].is_string(),
    }
}

fn text(value: &Value, member: &str) -> Option<String> {
    value[member].as_str().map(str::to_owned)
}

fn array<'a>(value: &'a Value, member: &str) -> impl Iterator<Item = &'a Value> {
    value[member].as_array().into_iter().flatten()
}
