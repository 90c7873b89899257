//! The files of the repository, as the checks see them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

/// Text files by path from the root, with `/` between the parts. What is not text has empty content.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) files: BTreeMap<String, String>,
}

impl Tree {
    /// Reads every file that is tracked, or would be if added.
    pub(crate) fn read() -> Result<Self, String> {
        let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
        let output = Command::new("git")
            .args(arguments)
            .current_dir(root())
            .output()
            .map_err(|error| format!("cannot run git: {error}"))?;
        if !output.status.success() {
            return Err(format!("git: {}", String::from_utf8_lossy(&output.stderr).trim()));
        }
        let mut files = BTreeMap::new();
        for path in String::from_utf8_lossy(&output.stdout).split_terminator('\0') {
            // A file that was deleted and not yet committed is still listed.
            if let Ok(content) = std::fs::read(root().join(path)) {
                files.insert(path.to_owned(), String::from_utf8(content).unwrap_or_default());
            }
        }
        Ok(Self { files })
    }

    /// Rust sources, shipped or not, apart from integration tests.
    pub(crate) fn sources(&self) -> impl Iterator<Item = (&str, &str)> {
        self.matching(|path| {
            let is_ours = path.starts_with("crates/") || path.starts_with("xtask/");
            is_ours && path.contains("/src/") && path.ends_with(".rs")
        })
    }

    /// Files whose path satisfies `is_wanted`.
    pub(crate) fn matching(
        &self,
        is_wanted: impl Fn(&str) -> bool,
    ) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .map(|(path, content)| (path.as_str(), content.as_str()))
            .filter(move |(path, _)| is_wanted(path))
    }

    /// Whether `path` is a file or a folder.
    pub(crate) fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let folder = format!("{path}/");
        self.files.contains_key(path) || self.files.keys().any(|file| file.starts_with(&folder))
    }
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let mut path = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    path.pop();
    path
}

#[cfg(test)]
impl Tree {
    /// A tree made up for a test.
    pub(crate) fn of<const N: usize>(files: [(&str, &str); N]) -> Self {
        let owned = files.map(|(path, content)| (path.to_owned(), content.to_owned()));
        Self { files: BTreeMap::from(owned) }
    }
}
