//! What `serve` wants to have for itself: private keys and directories.

use std::fs::Metadata;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use sluice_server::tls::TlsFiles;

use crate::secret_file::{self, NOT_BUT_BY_GROUP};
use crate::settings::Settings;

/// What others than the owner should not do with a directory, its group neither.
const DIRECTORY_OPEN: u32 = 0o077;

/// Refuses private keys that others can use, and warns of directories that others can look into.
pub(crate) fn check(settings: &Settings) -> Result<(), String> {
    settings.given_tls_files().iter().try_for_each(check_key)?;
    let directories = [("data", &settings.data), ("audit.directory", &settings.audit_directory)];
    for (name, path) in directories {
        if let Some(problem) = path.as_deref().and_then(|path| problem_of(name, path)) {
            tracing::warn!("{problem}");
        }
    }
    Ok(())
}

/// A key that is not there, or no file, is another problem, which is told with those of its content.
fn check_key(files: &TlsFiles) -> Result<(), String> {
    let TlsFiles { section, key_file, .. } = files;
    let metadata = std::fs::metadata(key_file).ok().filter(Metadata::is_file);
    let Some(metadata) = metadata else { return Ok(()) };
    secret_file::refuse_open(&metadata, NOT_BUT_BY_GROUP)
        .map_err(|problem| format!("`{section}.key_file` = {}: {problem}", key_file.display()))
}

/// What is wrong with a directory. One that is not there will be made for its owner only.
fn problem_of(name: &str, path: &Path) -> Option<String> {
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & DIRECTORY_OPEN != 0).then(|| {
        format!(
            "`{name}` = {}: others than its owner get into it (mode {mode:03o}), and so at secrets; `chmod 700` keeps them out",
            path.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;
    use crate::settings::Mode;

    #[test]
    fn a_private_key_that_others_can_use_is_refused() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("key");
        std::fs::write(&path, "key").expect("the directory is there");
        let mut settings = Settings::defaults(Mode::Serve);
        settings.listener.tls_certificate_file = Some("certificate".into());
        settings.listener.tls_key_file = Some(path.clone());
        for (mode, is_good) in
            [(0o600, true), (0o440, true), (0o640, true), (0o660, false), (0o644, false)]
        {
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).expect("ours");
            let checked = check(&settings);
            assert_eq!(checked.is_ok(), is_good, "{mode:o}: {checked:?}");
            let problem = checked.err().unwrap_or_default();
            assert!(is_good || problem.contains("`tls.key_file` = "), "{problem}");
        }
    }

    #[test]
    fn a_directory_that_others_get_into_is_a_problem() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path();
        for (mode, is_good) in [(0o700, true), (0o755, false), (0o750, false), (0o701, false)] {
            std::fs::set_permissions(path, Permissions::from_mode(mode)).expect("ours");
            assert_eq!(problem_of("data", path).is_none(), is_good, "{mode:o}");
        }
        assert_eq!(problem_of("data", &path.join("missing")), None);
    }
}
