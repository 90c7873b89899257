//! The files with master keys: the keys themselves, or ciphertexts that a KMS decrypts.

mod kms;

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sluice_server::encryption::{MasterKey, MasterKeys};
use sluice_server::identities::Secret;

use crate::exit::Failure;
use crate::secret_file;
use crate::settings::{MasterKeyKms, Settings};

/// The longest ciphertext of KMS has 6,144 bytes; in base64 it is shorter.
const BYTES_MAX: u64 = 10_000;
/// What encrypts 32 bytes has more.
const CIPHERTEXT_BYTES_MIN: usize = 33;

/// What the files hold.
#[derive(Debug, Default)]
pub(crate) struct MasterKeyFiles {
    current: Option<MasterKeyFile>,
    previous: Option<MasterKeyFile>,
}

/// What a file with a master key holds.
#[derive(Debug)]
enum MasterKeyFile {
    Key(MasterKey),
    /// Of KMS, in base64.
    Ciphertext {
        /// Setting and path, for errors.
        named: String,
        text: String,
    },
}

/// Reads the files that the settings name. Nobody is asked to decrypt them.
pub(crate) fn read(settings: &Settings) -> Result<MasterKeyFiles, String> {
    let read = |setting, path: &Option<PathBuf>| match path {
        Some(path) => read_file(setting, path, settings).map(Some),
        None => Ok(None),
    };
    let files = MasterKeyFiles {
        current: read("master_key_file", &settings.master_key_file)?,
        previous: read("previous_master_key_file", &settings.previous_master_key_file)?,
    };
    if let (Some(MasterKeyFile::Key(_)), Some(_), Some(path)) =
        (&files.current, &settings.master_key_kms.endpoint, &settings.master_key_file)
    {
        return Err(format!(
            "master_key_file = {}: holds a key in the clear, and `master_key_kms.endpoint` wants a ciphertext: {}",
            path.display(),
            kms::HOW_TO_MAKE_ONE
        ));
    }
    Ok(files)
}

/// Reads a file. A key must not lie in the data directory: who gets one would get the other.
fn read_file(setting: &str, path: &Path, settings: &Settings) -> Result<MasterKeyFile, String> {
    let named = format!("{setting} = {}", path.display());
    let wrong = |problem: &str| format!("{named}: {problem}");
    let cannot = |error: std::io::Error| {
        wrong(&format!(
            "cannot be read: {error}; `(umask 077; openssl rand -base64 32 > FILE)` makes such a file"
        ))
    };
    let metadata = std::fs::metadata(path).map_err(cannot)?;
    if metadata.len() > BYTES_MAX {
        return Err(wrong(&format!("has {} bytes, and is no master key", metadata.len())));
    }
    let text = Secret::new(std::fs::read_to_string(path).map_err(cannot)?);
    let key = match MasterKey::parse(text.expose()) {
        Ok(key) => key,
        Err(_) if is_ciphertext(text.expose()) => {
            if settings.master_key_kms.endpoint.is_none() {
                return Err(wrong(
                    "has more than 32 bytes, as a ciphertext of KMS has; that wants `master_key_kms.endpoint`",
                ));
            }
            let text = text.expose().trim().to_owned();
            return Ok(MasterKeyFile::Ciphertext { named, text });
        }
        Err(error) => return Err(wrong(&error.to_string())),
    };
    secret_file::refuse_open(&metadata, secret_file::NOT_BUT_BY_GROUP)
        .map_err(|problem| wrong(&problem))?;
    let is_within = |data: &Path| {
        let data = data.canonicalize();
        data.is_ok_and(|data| path.canonicalize().is_ok_and(|path| path.starts_with(data)))
    };
    if settings.data.as_deref().is_some_and(is_within) {
        return Err(wrong(
            "lies in the data directory: whoever gets a copy of that would get the key as well; keep it elsewhere",
        ));
    }
    Ok(MasterKeyFile::Key(key))
}

fn is_ciphertext(text: &str) -> bool {
    BASE64_STANDARD.decode(text.trim()).is_ok_and(|bytes| bytes.len() >= CIPHERTEXT_BYTES_MIN)
}

impl MasterKeyFiles {
    /// Returns the keys; the KMS decrypts what is a ciphertext.
    pub(crate) async fn open(
        self,
        kms: &MasterKeyKms,
        region: &str,
    ) -> Result<MasterKeys, Failure> {
        let open = async |file| match file {
            Some(MasterKeyFile::Key(key)) => Ok(Some(key)),
            Some(MasterKeyFile::Ciphertext { named, text }) => {
                kms::decrypt(kms, region, &named, &text).await.map(Some)
            }
            None => Ok(None),
        };
        Ok(MasterKeys { current: open(self.current).await?, previous: open(self.previous).await? })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::client::Endpoint;
    use crate::settings::Mode;

    const KEY: &str = "3q2+796tvu/erb7v3q2+796tvu/erb7v3q2+796tvu8=\n";

    fn refusal(text: &str, mode: u32, directory: &str) -> Option<String> {
        refusal_with(text, mode, directory, None)
    }

    fn refusal_with(text: &str, mode: u32, directory: &str, kms: Option<&str>) -> Option<String> {
        let root = tempfile::tempdir().expect("a temporary directory");
        let data = root.path().join("data");
        std::fs::create_dir(&data).expect("a directory");
        let path = root.path().join(directory).join("master.key");
        std::fs::write(&path, text).expect("a file");
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).expect("ours");
        let mut settings = Settings::defaults(Mode::Serve);
        settings.data = Some(data);
        settings.master_key_file = Some(path);
        settings.master_key_kms.endpoint = kms.map(|url| Endpoint::parse(url).expect(url));
        read(&settings).err()
    }

    #[test]
    fn a_file_that_only_its_owner_can_use_is_read() {
        for mode in [0o400, 0o600, 0o440] {
            assert_eq!(refusal(KEY, mode, "."), None, "{mode:o}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_without_the_key() {
        let long = KEY.trim().trim_end_matches('=').repeat(4);
        for (text, mode, directory, told) in [
            (KEY, 0o604, ".", "mode 604"),
            (KEY, 0o660, ".", "mode 660"),
            (KEY, 0o600, "data", "lies in the data directory"),
            ("3q2+", 0o600, ".", "32 random bytes in base64"),
            (&KEY.repeat(300), 0o600, ".", "no master key"),
            (&long, 0o600, ".", "wants `master_key_kms.endpoint`"),
        ] {
            let refusal = refusal(text, mode, directory).expect("refused");
            assert!(refusal.contains(told) && refusal.contains("master.key"), "{refusal}");
            assert!(!refusal.contains("3q2"), "{refusal}");
        }
        let mut settings = Settings::defaults(Mode::Serve);
        settings.previous_master_key_file = Some("/nonexistent/key".into());
        let missing = read(&settings).expect_err("refused");
        assert!(missing.starts_with("previous_master_key_file = /nonexistent/key"), "{missing}");
        assert!(missing.contains("openssl rand -base64 32"), "{missing}");
    }

    #[test]
    fn with_a_kms_the_file_is_a_ciphertext_which_is_no_secret() {
        let ciphertext = BASE64_STANDARD.encode([7; 184]);
        let kms = Some("https://kms.eu-central-1.amazonaws.com");
        for (mode, directory) in [(0o600, "."), (0o644, "."), (0o600, "data")] {
            assert_eq!(refusal_with(&ciphertext, mode, directory, kms), None, "{mode:o}");
        }
        let refusal = refusal_with(KEY, 0o600, ".", kms).expect("refused");
        assert!(refusal.contains("a key in the clear"), "{refusal}");
    }
}
