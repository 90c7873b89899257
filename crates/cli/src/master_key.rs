//! The file with the master key.

use std::path::Path;

use sluice_server::encryption::MasterKey;
use sluice_server::identities::Secret;

use crate::secret_file;

/// A key in base64 is much shorter.
const BYTES_MAX: u64 = 1_000;

/// Reads the file that a setting names. It must not lie in the data directory: who gets one would get the other.
pub(crate) fn read(setting: &str, path: &Path, data: Option<&Path>) -> Result<MasterKey, String> {
    let named = |problem: String| format!("{setting} = {}: {problem}", path.display());
    let cannot = |error: std::io::Error| {
        named(format!(
            "cannot be read: {error}; `(umask 077; openssl rand -base64 32 > FILE)` makes such a file"
        ))
    };
    let metadata = std::fs::metadata(path).map_err(cannot)?;
    secret_file::refuse_open(&metadata, secret_file::NOT_BUT_BY_GROUP).map_err(named)?;
    if metadata.len() > BYTES_MAX {
        return Err(named(format!("has {} bytes, and is no master key", metadata.len())));
    }
    let is_within = |data: &Path| {
        let data = data.canonicalize();
        data.is_ok_and(|data| path.canonicalize().is_ok_and(|path| path.starts_with(data)))
    };
    if data.is_some_and(is_within) {
        return Err(named(
            "lies in the data directory: whoever gets a copy of that would get the key as well; keep it elsewhere".to_owned(),
        ));
    }
    let text = Secret::new(std::fs::read_to_string(path).map_err(cannot)?);
    MasterKey::parse(text.expose()).map_err(|error| named(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const KEY: &str = "3q2+796tvu/erb7v3q2+796tvu/erb7v3q2+796tvu8=\n";

    fn refusal(text: &str, mode: u32, directory: &str) -> Option<String> {
        let root = tempfile::tempdir().expect("a temporary directory");
        let data = root.path().join("data");
        std::fs::create_dir(&data).expect("a directory");
        let path = root.path().join(directory).join("master.key");
        std::fs::write(&path, text).expect("a file");
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).expect("ours");
        read("master_key_file", &path, Some(&data)).err()
    }

    #[test]
    fn a_file_that_only_its_owner_can_use_is_read() {
        for mode in [0o400, 0o600, 0o440] {
            assert_eq!(refusal(KEY, mode, "."), None, "{mode:o}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_without_the_key() {
        for (text, mode, directory, told) in [
            (KEY, 0o604, ".", "mode 604"),
            (KEY, 0o660, ".", "mode 660"),
            (KEY, 0o600, "data", "lies in the data directory"),
            ("3q2+", 0o600, ".", "32 random bytes in base64"),
            (&KEY.repeat(30), 0o600, ".", "no master key"),
        ] {
            let refusal = refusal(text, mode, directory).expect("refused");
            assert!(refusal.contains(told) && refusal.contains("master.key"), "{refusal}");
            assert!(!refusal.contains("3q2"), "{refusal}");
        }
        let missing = read("previous_master_key_file", Path::new("/nonexistent/key"), None)
            .expect_err("refused");
        assert!(missing.starts_with("previous_master_key_file = /nonexistent/key"), "{missing}");
        assert!(missing.contains("openssl rand -base64 32"), "{missing}");
    }
}
