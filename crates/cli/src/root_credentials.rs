//! The file with the access keys of administrators.

use std::collections::BTreeMap;
use std::path::Path;

use sluice_server::config::RootCredentials;
use sluice_server::identities::{Secret, is_account_id};

use crate::secret_file;

const ID: &str = "aws_access_key_id";
const SECRET: &str = "aws_secret_access_key";
/// Who sees a signature can try secrets as fast as computers go.
const SECRET_BYTES_MIN: usize = 20;
/// What others may not do with the file, and its group neither: who has the key is the administrator.
const MODE_FORBIDDEN: u32 = 0o077;

/// Reads the file: `name = value` in two lines, and comments. It may be one that AWS tools read, with sections, and one of
/// environment variables, in upper case. A section with the id of an account has the key of that account's administrator;
/// other sections are that of the server's own account.
pub(crate) fn read(path: &Path) -> Result<Vec<RootCredentials>, String> {
    let named = |problem: String| format!("root_credentials_file = {}: {problem}", path.display());
    let cannot = |error: std::io::Error| named(format!("cannot be read: {error}"));
    let metadata = std::fs::metadata(path).map_err(cannot)?;
    secret_file::refuse_open(&metadata, MODE_FORBIDDEN).map_err(named)?;
    let text = std::fs::read_to_string(path).map_err(cannot)?;
    parse(&text).map_err(named)
}

/// Ids and secrets that a section has.
#[derive(Default)]
struct Section {
    ids: Vec<String>,
    secrets: Vec<String>,
}

fn parse(text: &str) -> Result<Vec<RootCredentials>, String> {
    let (mut sections, mut account) = (BTreeMap::<Option<String>, Section>::new(), None);
    for line in text.lines() {
        let line = line.trim().trim_start_matches("export ");
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            account = is_account_id(name.trim()).then(|| name.trim().to_owned());
        }
        let Some((name, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) else {
            continue;
        };
        let value = value.trim().trim_matches('"').to_owned();
        let name = name.trim().to_ascii_lowercase();
        let section = match &*name {
            ID | SECRET => sections.entry(account.clone()).or_default(),
            _ => continue,
        };
        if name == ID { section.ids.push(value) } else { section.secrets.push(value) }
    }
    if sections.is_empty() {
        sections.insert(None, Section::default());
    }
    sections.into_iter().map(|(account, section)| credentials(account, section)).collect()
}

fn credentials(account: Option<String>, section: Section) -> Result<RootCredentials, String> {
    let place = account.as_ref().map(|id| format!("[{id}] ")).unwrap_or_default();
    let access_key_id = only(&place, section.ids, ID)?;
    let secret = only(&place, section.secrets, SECRET)?;
    let is_id = (16..=128).contains(&access_key_id.len())
        && access_key_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_id {
        return Err(format!("{place}{ID} wants 16 to 128 letters, digits and underscores"));
    }
    if secret.len() < SECRET_BYTES_MIN {
        return Err(format!("{place}{SECRET} wants at least {SECRET_BYTES_MIN} characters"));
    }
    Ok(RootCredentials { account, access_key_id, secret: Secret::new(secret) })
}

fn only(place: &str, mut values: Vec<String>, name: &str) -> Result<String, String> {
    match (values.pop(), values.len()) {
        (Some(value), 0) => Ok(value),
        (None, _) => Err(format!("{place}wants a line {name} = …, which it does not have")),
        (Some(_), more) => Err(format!("{place}wants one line {name} = …, and has {}", more + 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_aws_tools_and_of_variables_are_read() {
        for text in [
            "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n# no\naws_secret_access_key=wJalrXUtnFEMI/K7MDENG+==\nregion = x\n",
            "export AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE\nAWS_SECRET_ACCESS_KEY=\"wJalrXUtnFEMI/K7MDENG+==\"\n",
        ] {
            let read = parse(text).expect("good");
            let [read] = &read[..] else { unreachable!("one") };
            assert_eq!(read.account, None);
            assert_eq!(read.access_key_id, "AKIAIOSFODNN7EXAMPLE");
            assert_eq!(read.secret.expose(), "wJalrXUtnFEMI/K7MDENG+==");
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;

        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("root");
        let text = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key=wJalrXUtnFEMI/K7MDENG\n";
        std::fs::write(&path, text).expect("written");
        for (mode, is_good) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("set");
            let read = read(&path);
            assert_eq!(read.is_ok(), is_good, "{mode:o}: {read:?}");
        }
    }

    #[test]
    fn sections_of_accounts_are_theirs() {
        let text = "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key=wJalrXUtnFEMI/K7MDENG\n\
                    [111122223333]\naws_access_key_id = AKIAI44QH8DHBEXAMPLE\naws_secret_access_key=je7MtGbClwBF/2Zp9Utk\n";
        let read = parse(text).expect("good");
        let ids = read.iter().map(|it| (it.account.as_deref(), &*it.access_key_id));
        let expected =
            [(None, "AKIAIOSFODNN7EXAMPLE"), (Some("111122223333"), "AKIAI44QH8DHBEXAMPLE")];
        assert_eq!(ids.collect::<Vec<_>>(), expected);
        let error =
            parse("[111122223333]\naws_access_key_id = AKIAI44QH8DHBEXAMPLE").expect_err("half");
        assert!(error.starts_with("[111122223333] wants a line aws_secret"), "{error}");
    }

    #[test]
    fn what_is_wrong_is_told_without_the_secret() {
        let id = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\n";
        for (text, told) in [
            (String::new(), "wants a line aws_access_key_id"),
            (id.to_owned(), "wants a line aws_secret_access_key"),
            (format!("{id}{id}"), "and has 2"),
            (format!("{id}aws_secret_access_key = hidden"), "at least 20"),
            ("aws_access_key_id = a:b\naws_secret_access_key = hidden".to_owned(), "letters"),
        ] {
            let error = parse(&text).expect_err("wrong");
            assert!(error.contains(told) && !error.contains("hidden"), "{error}");
        }
    }
}
