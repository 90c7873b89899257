//! Names of trails, and where their files go.

use std::net::Ipv4Addr;

use sluice_wire::AwsError;

use super::errors;
use crate::services::Context;

const NAME_CHARS_MIN: usize = 3;
const NAME_CHARS_MAX: usize = 128;
const BUCKET_CHARS_MIN: usize = 3;
const BUCKET_CHARS_MAX: usize = 63;
const PREFIX_CHARS_MAX: usize = 200;

/// Names a trail, that may exist or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TrailName {
    pub(super) account: String,
    pub(super) home_region: String,
    pub(super) name: String,
}

impl TrailName {
    /// Reads a name, which means one of this region, or an ARN.
    pub(super) fn parse(context: &Context, text: Option<&str>) -> Result<Self, AwsError> {
        let text = text.unwrap_or_default();
        let (account, region) = (&context.identity.account, &context.region);
        if text.starts_with("arn:") {
            return Self::of_arn(text).ok_or_else(|| errors::invalid_arn(text));
        }
        check(text)?;
        Ok(Self {
            account: account.to_string(),
            home_region: region.to_string(),
            name: text.to_owned(),
        })
    }

    /// Reads the ARN of a trail.
    pub(super) fn of_arn(arn: &str) -> Option<Self> {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", _, "cloudtrail", home_region, account, resource] = parts[..] else {
            return None;
        };
        let name = resource.strip_prefix("trail/").filter(|name| check(name).is_ok())?;
        let (account, home_region) = (account.to_owned(), home_region.to_owned());
        Some(Self { account, home_region, name: name.to_owned() })
    }
}

/// Whether a trail may have this name.
pub(super) fn check(name: &str) -> Result<(), AwsError> {
    let is_end = |char: Option<char>| char.is_some_and(|char| char.is_ascii_alphanumeric());
    let is_mark = |char: char| matches!(char, '.' | '_' | '-');
    let length = name.chars().count();
    let mut pairs = name.chars().zip(name.chars().skip(1));
    let text = if name.is_empty() {
        "Trail name cannot be blank!".to_owned()
    } else if length < NAME_CHARS_MIN {
        format!(
            "Trail name too short. Minimum allowed length: {NAME_CHARS_MIN} characters. Specified name length: {length} characters."
        )
    } else if length > NAME_CHARS_MAX {
        format!(
            "Trail name too long. Maximum allowed length: {NAME_CHARS_MAX} characters. Specified name length: {length} characters."
        )
    } else if !is_end(name.chars().next()) {
        "Trail name must starts with a letter or number.".to_owned()
    } else if !is_end(name.chars().next_back()) {
        "Trail name must ends with a letter or number.".to_owned()
    } else if !name.chars().all(|char| char.is_ascii_alphanumeric() || is_mark(char)) {
        "Trail name or ARN can only contain uppercase letters, lowercase letters, numbers, periods (.), hyphens (-), and underscores (_).".to_owned()
    } else if pairs.any(|(one, next)| is_mark(one) && is_mark(next)) {
        "Trail name must not have adjacent periods, hyphens or underscores.".to_owned()
    } else if name.parse::<Ipv4Addr>().is_ok() {
        "Trail name must not be an IP address.".to_owned()
    } else {
        return Ok(());
    };
    Err(errors::invalid_trail_name(text))
}

/// Whether a bucket may have this name. It becomes that of a directory.
pub(super) fn check_bucket(name: &str) -> Result<(), AwsError> {
    let is_end = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit();
    let is_good = (BUCKET_CHARS_MIN..=BUCKET_CHARS_MAX).contains(&name.len())
        && name.chars().all(|char| is_end(char) || matches!(char, '.' | '-'))
        && name.starts_with(is_end)
        && name.ends_with(is_end)
        && !name.contains("..")
        && name.parse::<Ipv4Addr>().is_err();
    match name {
        "" => Err(errors::invalid_bucket_name("Bucket name cannot be blank!")),
        _ if is_good => Ok(()),
        _ => Err(errors::invalid_bucket_name(format!("Bucket name {name} is not valid."))),
    }
}

/// Whether keys may begin with this. It becomes the path of a directory.
pub(super) fn check_prefix(prefix: &str) -> Result<(), AwsError> {
    let is_part = |part: &str| {
        !matches!(part, "" | "." | "..") && part.chars().all(|char| char.is_ascii_graphic())
    };
    let is_good = prefix.len() <= PREFIX_CHARS_MAX && prefix.split('/').all(is_part);
    if is_good { Ok(()) } else { Err(errors::invalid_prefix(prefix)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_aws() {
        for (name, is_good) in [
            ("my-trail", true),
            ("A.b_c-1", true),
            ("ab", false),
            ("", false),
            ("-ab", false),
            ("ab-", false),
            ("a b", false),
            ("a--b", false),
            ("a-_b", false),
            ("192.168.5.4", false),
        ] {
            assert_eq!(check(name).is_ok(), is_good, "{name}");
        }
        assert!(check(&"a".repeat(128)).is_ok() && check(&"a".repeat(129)).is_err());
    }

    #[test]
    fn files_stay_in_their_bucket() {
        for (bucket, is_good) in [
            ("logs", true),
            ("my.logs-1", true),
            ("..", false),
            ("a..b", false),
            (".delivery-0.tmp", false),
            ("Logs", false),
            ("a/b", false),
            ("192.168.5.4", false),
        ] {
            assert_eq!(check_bucket(bucket).is_ok(), is_good, "{bucket}");
        }
        for (prefix, is_good) in [
            ("a", true),
            ("a/b.c", true),
            ("/a", false),
            ("a/", false),
            ("a//b", false),
            ("a/../../b", false),
            (".", false),
            ("a\0b", false),
        ] {
            assert_eq!(check_prefix(prefix).is_ok(), is_good, "{prefix}");
        }
        assert!(check_prefix(&"a".repeat(200)).is_ok() && check_prefix(&"a".repeat(201)).is_err());
    }

    #[test]
    fn an_arn_names_account_and_region() {
        let parsed = TrailName::of_arn("arn:aws:cloudtrail:eu-west-1:123456789012:trail/main");
        let expected = TrailName {
            account: "123456789012".to_owned(),
            home_region: "eu-west-1".to_owned(),
            name: "main".to_owned(),
        };
        assert_eq!(parsed, Some(expected));
        for arn in ["arn:aws:sqs:eu-west-1:1:trail/main", "arn:aws:cloudtrail:eu-west-1:1:main"] {
            assert_eq!(TrailName::of_arn(arn), None, "{arn}");
        }
    }
}
