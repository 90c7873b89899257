//! Tags of users, roles and policies. Keys that differ only by case are the same.

use sluice_wire::AwsError;

use super::errors;
use super::limits::TAGS_MAX;
use crate::identities::Tags;
use crate::services::constraints::Constraints;
use crate::services::member_list::MemberList;
use crate::services::tag::{DUPLICATE_KEYS, Tag, TagList, is_same};

/// Adds tags to the ones that there are. So many are refused first that looking at them would keep other changes waiting.
pub(super) fn merge(tags: &mut Tags, given: &TagList) -> Result<(), AwsError> {
    let too_many = || errors::limit_exceeded("The number of tags has reached the maximum limit.");
    if given.0.len() > TAGS_MAX {
        return Err(too_many());
    }
    let mut constraints = Constraints::new();
    for (index, tag) in given.0.iter().enumerate() {
        let key = format!("tags.{}.member.key", index + 1);
        let value = format!("tags.{}.member.value", index + 1);
        constraints = constraints
            .text(&key, Some(&tag.key), 1, 128)
            .text(&value, Some(&tag.value), 0, 256)
            .pattern(&key, Some(&tag.key), "[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+", is_tag_character)
            .pattern(&value, Some(&tag.value), "[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*", is_tag_character);
    }
    constraints.check()?;
    for (index, tag) in given.0.iter().enumerate() {
        if tag.key.to_ascii_lowercase().starts_with("aws:") {
            return Err(errors::invalid_input("Tag keys beginning with 'aws:' are reserved."));
        }
        if given.0[..index].iter().any(|other| is_same(&other.key, &tag.key)) {
            return Err(errors::invalid_input(DUPLICATE_KEYS));
        }
        tags.retain(|key, _| !is_same(key, &tag.key));
        tags.insert(tag.key.clone(), tag.value.clone());
    }
    if tags.len() > TAGS_MAX {
        return Err(too_many());
    }
    Ok(())
}

/// Removes the tags with these keys, as far as there are any.
pub(super) fn remove(tags: &mut Tags, keys: &MemberList<String>) {
    tags.retain(|key, _| !keys.0.iter().any(|given| is_same(key, given)));
}

/// Tags as answers have them.
pub(super) fn list(tags: &Tags) -> Vec<Tag> {
    let tag = |(key, value): (&String, &String)| Tag { key: key.clone(), value: value.clone() };
    tags.iter().map(tag).collect()
}

fn is_tag_character(char: char) -> bool {
    char.is_alphanumeric() || char.is_whitespace() || "_.:/=+-@".contains(char)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(pairs: &[(&str, &str)]) -> TagList {
        let tag = |(key, value): &(&str, &str)| Tag { key: (*key).into(), value: (*value).into() };
        MemberList(pairs.iter().map(tag).collect())
    }

    #[test]
    fn keys_that_differ_only_by_case_are_the_same() {
        let mut tags = Tags::new();
        merge(&mut tags, &given(&[("Team", "a"), ("x", "")])).expect("merged");
        merge(&mut tags, &given(&[("team", "b")])).expect("merged");
        assert_eq!(list(&tags), given(&[("team", "b"), ("x", "")]).0);
        remove(&mut tags, &MemberList(vec!["TEAM".to_owned(), "none".to_owned()]));
        assert_eq!(list(&tags), given(&[("x", "")]).0);
    }

    #[test]
    fn tags_that_are_none_are_refused() {
        let code = |pairs: &[(&str, &str)]| {
            let error = merge(&mut Tags::new(), &given(pairs)).expect_err("refused");
            error.shape().query_code
        };
        assert_eq!(code(&[("", "")]), "ValidationError");
        assert_eq!(code(&[("a*b", "")]), "ValidationError");
        assert_eq!(code(&[("aws:x", "")]), "InvalidInput");
        assert_eq!(code(&[("a", ""), ("A", "")]), "InvalidInput");
        let names: Vec<String> = (0..51).map(|number| format!("k{number}")).collect();
        let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
        assert_eq!(code(&many), "LimitExceeded");
        assert_eq!(code(&[("a", ""); 50]), "InvalidInput");
        assert_eq!(code(&[("a", ""); 51]), "LimitExceeded", "they are not looked at");
    }
}
