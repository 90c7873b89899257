//! The generated pages: the binary prints them, this stores them.

use std::process::Command;

use crate::tree::root;

/// What to do with the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Write,
    Check,
}

/// Names of pages as `sluice reference` knows them, and where they are stored.
const PAGES: &[(&str, &str)] = &[
    ("cli", "docs/reference/cli.md"),
    ("configuration", "docs/configuration.md"),
    ("operations", "docs/reference/operations.md"),
];

/// Writes the pages, or lists those that are not as they would be written.
pub(crate) fn run(action: Action) -> Result<Vec<String>, String> {
    build()?;
    let mut problems = Vec::new();
    for (page, path) in PAGES {
        let fresh = render(page)?;
        let stored = std::fs::read_to_string(root().join(path)).unwrap_or_default();
        match action {
            Action::Write => {
                let file = root().join(path);
                let folder = file.parent().unwrap_or(&file);
                std::fs::create_dir_all(folder)
                    .and_then(|()| std::fs::write(&file, fresh))
                    .map_err(|error| format!("cannot write {path}: {error}"))?;
                println!("{path}");
            }
            Action::Check if fresh != stored => {
                problems.push(format!("{path} is out of date; `cargo xtask docs` writes it"));
            }
            Action::Check => {}
        }
    }
    Ok(problems)
}

/// Builds the binary. The whole workspace is selected so that cargo reuses what `./test` has built.
fn build() -> Result<(), String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--release", "--locked", "--workspace"])
        .current_dir(root())
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if status.success() { Ok(()) } else { Err("the build failed".to_owned()) }
}

fn render(page: &str) -> Result<String, String> {
    let output = Command::new(root().join("target/release/sluice"))
        .args(["reference", page])
        .output()
        .map_err(|error| format!("cannot run sluice: {error}"))?;
    if !output.status.success() {
        return Err(format!("sluice: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    String::from_utf8(output.stdout).map_err(|error| format!("sluice: {error}"))
}
