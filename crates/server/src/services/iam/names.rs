//! Names, paths and ARNs in requests.

use sluice_wire::AwsError;

use super::limits::{ALIAS_CHARS, ARN_CHARS, LONG_NAME_CHARS_MAX, NAME_CHARS_MAX, PATH_CHARS_MAX};
use crate::services::constraints::{Constraints, is_word, refused};

const ALIAS_PATTERN: &str = "^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$";

/// `UserName`
pub(super) fn user(name: Option<String>) -> Result<String, AwsError> {
    name_of("userName", name, NAME_CHARS_MAX)
}

/// `GroupName`
pub(super) fn group(name: Option<String>) -> Result<String, AwsError> {
    name_of("groupName", name, LONG_NAME_CHARS_MAX)
}

/// `RoleName`
pub(super) fn role(name: Option<String>) -> Result<String, AwsError> {
    name_of("roleName", name, NAME_CHARS_MAX)
}

/// `PolicyName`
pub(super) fn policy(name: Option<String>) -> Result<String, AwsError> {
    name_of("policyName", name, LONG_NAME_CHARS_MAX)
}

/// A name in a parameter.
pub(super) fn name_of(
    parameter: &str,
    name: Option<String>,
    chars_max: usize,
) -> Result<String, AwsError> {
    Constraints::new().required(parameter, name.as_deref(), 1, chars_max).check()?;
    let name = name.unwrap_or_default();
    if name.chars().all(|char| is_word(char) || "+=,.@-".contains(char)) {
        Ok(name)
    } else {
        Err(refused(format!(
            "The specified value for {parameter} is invalid. It must contain only alphanumeric \
             characters and/or the following: +=,.@_-"
        )))
    }
}

/// `AccountAlias`
pub(super) fn account_alias(alias: Option<String>) -> Result<String, AwsError> {
    let (min, max) = (*ALIAS_CHARS.start(), *ALIAS_CHARS.end());
    Constraints::new()
        .required("accountAlias", alias.as_deref(), min, max)
        .form("accountAlias", alias.as_deref(), ALIAS_PATTERN, is_alias)
        .check()?;
    Ok(alias.unwrap_or_default())
}

/// Whether a text has the form of [`ALIAS_PATTERN`].
fn is_alias(text: &str) -> bool {
    let is_inside = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-';
    let has_edges = !text.starts_with('-') && !text.ends_with('-');
    ALIAS_CHARS.contains(&text.len())
        && has_edges
        && text.chars().all(is_inside)
        && !text.contains("--")
}

/// `PermissionsBoundary`, where it need not be given.
pub(super) fn boundary(arn: Option<String>) -> Result<Option<String>, AwsError> {
    arn.map(|given| self::arn("permissionsBoundary", Some(given))).transpose()
}

/// A text that is no ARN, or not of what is wanted.
pub(super) fn bad_arn() -> AwsError {
    refused("Invalid ARN:  Could not be parsed!")
}

/// `Path`, a slash where there is none.
pub(super) fn path(path: Option<String>) -> Result<String, AwsError> {
    let path = path.unwrap_or_else(|| "/".to_owned());
    Constraints::new().text("path", Some(&path), 1, PATH_CHARS_MAX).check()?;
    let is_path = path.starts_with('/') && path.ends_with('/') && is_visible(&path);
    if is_path {
        Ok(path)
    } else {
        Err(refused(
            "The specified value for path is invalid. It must begin and end with / and contain \
             only alphanumeric characters and/or / characters.",
        ))
    }
}

/// `PathPrefix`, a slash where there is none.
pub(super) fn path_prefix(prefix: Option<String>) -> Result<String, AwsError> {
    let prefix = prefix.unwrap_or_else(|| "/".to_owned());
    Constraints::new()
        .text("pathPrefix", Some(&prefix), 1, PATH_CHARS_MAX)
        .pattern("pathPrefix", Some(&prefix), "\\u002F[\\u0021-\\u007F]*", |char| {
            ('!'..='\u{7f}').contains(&char)
        })
        .check()?;
    Ok(prefix)
}

/// An ARN in a parameter.
pub(super) fn arn(parameter: &str, arn: Option<String>) -> Result<String, AwsError> {
    let (min, max) = (*ARN_CHARS.start(), *ARN_CHARS.end());
    Constraints::new().required(parameter, arn.as_deref(), min, max).check()?;
    let arn = arn.unwrap_or_default();
    if arn.starts_with("arn:") && arn.splitn(6, ':').count() == 6 {
        Ok(arn)
    } else {
        Err(bad_arn())
    }
}

fn is_visible(text: &str) -> bool {
    text.chars().all(|char| ('!'..='\u{7f}').contains(&char))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text<T>(result: Result<T, AwsError>) -> String {
        result.err().map(|error| error.message().to_owned()).unwrap_or_default()
    }

    #[test]
    fn names_have_a_length_and_characters() {
        assert!(user(Some("a+=,.@_-Z9".to_owned())).is_ok());
        assert!(group(Some("g".repeat(128))).is_ok());
        assert!(text(user(None)).contains("Value null at 'userName'"));
        assert!(text(role(Some("r".repeat(65)))).contains("less than or equal to 64"));
        assert!(text(user(Some("a/b".to_owned()))).contains("following: +=,.@_-"));
    }

    #[test]
    fn an_alias_is_of_small_letters_digits_and_single_hyphens() {
        for good in ["abc", "a-1", "1-b-c", &"a".repeat(63)] {
            assert_eq!(account_alias(Some(good.to_owned())).ok().as_deref(), Some(good));
        }
        for bad in ["ab", "Abc", "-ab", "ab-", "a--b", "a_b", "é12", "", &"a".repeat(64)] {
            assert!(text(account_alias(Some(bad.to_owned()))).contains("(?!-)"), "{bad}");
        }
        assert!(text(account_alias(None)).contains("Value null at 'accountAlias'"));
    }

    #[test]
    fn a_path_begins_and_ends_with_a_slash() {
        assert_eq!(path(None).ok().as_deref(), Some("/"));
        assert!(path(Some("/a/b/".to_owned())).is_ok());
        for bad in ["a/", "/a", "/a b/", "/é/"] {
            assert!(text(path(Some(bad.to_owned()))).contains("begin and end with /"), "{bad}");
        }
        assert!(path_prefix(Some("/a".to_owned())).is_ok());
        assert!(path_prefix(Some("/a b".to_owned())).is_err());
    }

    #[test]
    fn an_arn_that_is_none_has_the_text_of_aws() {
        let given = |text: &str| Some(text.to_owned());
        assert!(arn("policyArn", given("arn:aws:iam::aws:policy/Admin")).is_ok());
        assert_eq!(
            text(arn("policyArn", given("not an arn but long enough"))),
            "Invalid ARN:  Could not be parsed!"
        );
    }
}
