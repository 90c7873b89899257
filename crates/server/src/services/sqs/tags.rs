//! Tags of queues (contract §2.13).

use std::collections::BTreeMap;

use sluice_wire::AwsError;

use super::errors;
use super::limits::{TAG_KEY_CHARS_MAX, TAG_VALUE_CHARS_MAX, TAGS_MAX};

const RESERVED_PREFIX: &str = "aws:";

/// Tags by key.
pub(super) type Tags = BTreeMap<String, String>;

/// Adds tags to the ones that a queue has; the same key overwrites.
///
/// # Errors
/// `InvalidParameterValue`, with texts of our own: AWS's are not established.
pub(super) fn merge(queue_name: &str, current: &Tags, given: &Tags) -> Result<Tags, AwsError> {
    for (key, value) in given {
        check(key, value)?;
    }
    let mut merged = current.clone();
    merged.extend(given.clone());
    if merged.len() > TAGS_MAX {
        return Err(errors::invalid_parameter(format!(
            "Too many tags added for queue {queue_name}."
        )));
    }
    Ok(merged)
}

fn check(key: &str, value: &str) -> Result<(), AwsError> {
    if !(1..=TAG_KEY_CHARS_MAX).contains(&key.chars().count()) {
        return Err(errors::invalid_parameter(
            "Tag keys must be between 1 and 128 characters in length.",
        ));
    }
    if value.chars().count() > TAG_VALUE_CHARS_MAX {
        return Err(errors::invalid_parameter(
            "Tag values must be between 0 and 256 characters in length.",
        ));
    }
    let is_reserved = key
        .get(..RESERVED_PREFIX.len())
        .is_some_and(|prefix| prefix.eq_ignore_ascii_case(RESERVED_PREFIX));
    if is_reserved {
        return Err(errors::invalid_parameter(
            "Tag keys that start with 'aws:' are reserved for system use.",
        ));
    }
    if !key.chars().chain(value.chars()).all(is_tag_character) {
        return Err(errors::invalid_parameter(
            "Tag keys and values can only contain letters, digits, whitespace and _ . : / = + - @",
        ));
    }
    Ok(())
}

fn is_tag_character(character: char) -> bool {
    character.is_alphanumeric()
        || character.is_whitespace()
        || matches!(character, '_' | '.' | ':' | '/' | '=' | '+' | '-' | '@')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_same_key_overwrites() {
        let current = tags(&[("a", "1"), ("b", "2")]);
        let merged = merge("q", &current, &tags(&[("b", ""), ("c", "ä: x@y")]));
        assert_eq!(merged.ok(), Some(tags(&[("a", "1"), ("b", ""), ("c", "ä: x@y")])));
    }

    #[test]
    fn keys_and_values_have_lengths_and_characters() {
        let (key128, value256) = ("k".repeat(128), "v".repeat(256));
        assert!(merge("q", &Tags::new(), &tags(&[(key128.as_str(), value256.as_str())])).is_ok());
        let (key129, value257) = ("k".repeat(129), "v".repeat(257));
        for (key, value) in [
            ("", ""),
            (key129.as_str(), ""),
            ("k", value257.as_str()),
            ("aws:x", ""),
            ("AWS:x", ""),
            ("k", "a*b"),
        ] {
            assert!(merge("q", &Tags::new(), &tags(&[(key, value)])).is_err(), "{key} {value}");
        }
    }

    #[test]
    fn a_queue_has_at_most_fifty_tags() {
        let some =
            |count| -> Tags { (0..count).map(|n| (format!("k{n}"), String::new())).collect() };
        assert!(merge("q", &Tags::new(), &some(50)).is_ok());
        let error = merge("q", &some(50), &tags(&[("one-more", "")])).expect_err("refused");
        assert_eq!(error.message(), "Too many tags added for queue q.");
    }
}
