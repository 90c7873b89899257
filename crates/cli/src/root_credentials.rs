//! The file with the access key of the administrator.

use std::path::Path;

use sluice_server::config::RootCredentials;
use sluice_server::identities::Secret;

const ID: &str = "aws_access_key_id";
const SECRET: &str = "aws_secret_access_key";
/// Who sees a signature can try secrets as fast as computers go.
const SECRET_BYTES_MIN: usize = 20;

/// Reads the file: `name = value` in two lines. Sections and comments may be there, so that it may be one that AWS tools read,
/// and upper case, so that it may be one of environment variables.
pub(crate) fn read(path: &Path) -> Result<RootCredentials, String> {
    let named = |problem: String| format!("root_credentials_file = {}: {problem}", path.display());
    let text =
        std::fs::read_to_string(path).map_err(|error| named(format!("cannot be read: {error}")))?;
    parse(&text).map_err(named)
}

fn parse(text: &str) -> Result<RootCredentials, String> {
    let (mut ids, mut secrets) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let line = line.trim().trim_start_matches("export ");
        let Some((name, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) else {
            continue;
        };
        let value = value.trim().trim_matches('"').to_owned();
        match name.trim().to_ascii_lowercase().as_str() {
            ID => ids.push(value),
            SECRET => secrets.push(value),
            _ => {}
        }
    }
    let access_key_id = only(ids, ID)?;
    let secret = only(secrets, SECRET)?;
    let is_id = (16..=128).contains(&access_key_id.len())
        && access_key_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_id {
        return Err(format!("{ID} wants 16 to 128 letters, digits and underscores"));
    }
    if secret.len() < SECRET_BYTES_MIN {
        return Err(format!("{SECRET} wants at least {SECRET_BYTES_MIN} characters"));
    }
    Ok(RootCredentials { access_key_id, secret: Secret::new(secret) })
}

fn only(mut values: Vec<String>, name: &str) -> Result<String, String> {
    match (values.pop(), values.len()) {
        (Some(value), 0) => Ok(value),
        (None, _) => Err(format!("wants a line {name} = …, which it does not have")),
        (Some(_), more) => Err(format!("wants one line {name} = …, and has {}", more + 1)),
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
            assert_eq!(read.access_key_id, "AKIAIOSFODNN7EXAMPLE");
            assert_eq!(read.secret.expose(), "wJalrXUtnFEMI/K7MDENG+==");
        }
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
