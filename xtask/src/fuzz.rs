//! Runs each fuzz target for some seconds, with coverage but without sanitizers, on the pinned compiler.
//!
//! The targets are a workspace of their own with flags of its own (`fuzz/.cargo/config.toml`). An explicit target
//! triple keeps those flags away from build scripts.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tree;

const TARGETS: [&str; 5] = ["query_form", "json_body", "receipt_handle", "signature", "policy"];

/// Fuzzes every target and returns the ones that failed.
pub(crate) fn run(seconds: u32) -> Result<Vec<String>, String> {
    let root = tree::root();
    let host = host()?;
    let fuzz = root.join("fuzz");
    let built = Command::new("cargo")
        .current_dir(&fuzz)
        .args(["build", "--release", "--locked", "--target", &host])
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if !built.success() {
        return Err("the fuzz targets do not build".to_owned());
    }
    let binaries = root.join("target/fuzz").join(&host).join("release");
    let failed: Vec<String> = TARGETS
        .iter()
        .filter(|target| !passes(&root, &binaries, target, seconds))
        .map(|target| format!("fuzz target {target} failed; its input is in target/fuzz/{target}"))
        .collect();
    println!("{} passed, {} failed", TARGETS.len() - failed.len(), failed.len());
    Ok(failed)
}

/// Keeps the inputs it found between runs in `target/fuzz/<target>/corpus`.
fn passes(root: &Path, binaries: &Path, target: &str, seconds: u32) -> bool {
    let folder: PathBuf = root.join("target/fuzz").join(target);
    let corpus = folder.join("corpus");
    if let Err(error) = std::fs::create_dir_all(&corpus) {
        println!("cannot create {}: {error}", corpus.display());
        return false;
    }
    println!("{target} for {seconds} s");
    Command::new(binaries.join(target))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", folder.display()))
        .args(["-verbosity=0", "-print_final_stats=1", "-rss_limit_mb=1024", "-timeout=10"])
        .arg(&corpus)
        .status()
        .is_ok_and(|status| status.success())
}

fn host() -> Result<String, String> {
    let output = Command::new("rustc")
        .arg("-vV")
        .output()
        .map_err(|error| format!("cannot run rustc: {error}"))?;
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .find_map(|line| line.strip_prefix("host: ").map(str::to_owned))
        .ok_or_else(|| "rustc -vV names no host".to_owned())
}
