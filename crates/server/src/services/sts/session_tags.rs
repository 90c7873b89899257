//! Tags of sessions.

use sluice_wire::AwsError;

use super::errors;
use crate::identities::{RoleSession, Tags};
use crate::services::constraints::{Constraints, refused};
use crate::services::member_list::MemberList;
use crate::services::tag::{DUPLICATE_KEYS, TagList, is_same};

const TAGS_MAX: usize = 50;

/// Reads `Tags` and `TransitiveTagKeys`.
pub(super) fn parse(
    given: TagList,
    transitive_keys: &MemberList<String>,
) -> Result<Tags, AwsError> {
    let mut constraints = Constraints::new();
    for (index, tag) in given.0.iter().enumerate() {
        let number = index + 1;
        constraints = constraints
            .text(&format!("tags.{number}.member.key"), Some(&tag.key), 1, 128)
            .text(&format!("tags.{number}.member.value"), Some(&tag.value), 0, 256);
    }
    constraints.check()?;
    if given.0.len() > TAGS_MAX {
        return Err(refused(format!("A session has at most {TAGS_MAX} tags.")));
    }
    let mut tags = Tags::new();
    for tag in given.0 {
        if tags.keys().any(|key| is_same(key, &tag.key)) {
            return Err(errors::invalid_parameter(DUPLICATE_KEYS));
        }
        tags.insert(tag.key, tag.value);
    }
    let is_included = |key: &String| tags.keys().any(|tag| is_same(tag, key));
    if transitive_keys.0.iter().all(is_included) {
        Ok(tags)
    } else {
        Err(errors::invalid_parameter(
            "The specified transitive tag key must be included in the requested tags.",
        ))
    }
}

/// Adds the transitive tags of the session that assumes a role: they cannot be changed any more.
pub(super) fn inherit(
    tags: &mut Tags,
    transitive_keys: &mut Vec<String>,
    calling: &RoleSession,
) -> Result<(), AwsError> {
    for key in &calling.transitive_tag_keys {
        if tags.keys().any(|tag| is_same(tag, key)) {
            return Err(errors::invalid_parameter(
                "One of the specified transitive tag keys can't be set because it conflicts with a \
                 transitive tag key from the calling session.",
            ));
        }
        let inherited = calling.passed.tags.iter().find(|(tag, _)| is_same(tag, key));
        tags.extend(inherited.map(|(tag, value)| (tag.clone(), value.clone())));
        transitive_keys.push(key.clone());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::tag::Tag;

    fn parsed(tags: &[(&str, &str)], transitive: &[&str]) -> Result<Tags, String> {
        let tag = |(key, value): &(&str, &str)| Tag { key: (*key).into(), value: (*value).into() };
        let transitive = transitive.iter().map(|key| (*key).to_owned()).collect();
        parse(MemberList(tags.iter().map(tag).collect()), &MemberList(transitive))
            .map_err(|error| error.message().to_owned())
    }

    #[test]
    fn tags_are_taken_and_transitive_ones_are_among_them() {
        let tags = Tags::from([("Team".to_owned(), "a".to_owned())]);
        assert_eq!(parsed(&[("Team", "a")], &["team"]), Ok(tags));
        assert!(parsed(&[("Team", "a")], &["x"]).is_err_and(|it| it.contains("transitive")));
        let twice = parsed(&[("a", ""), ("A", "")], &[]);
        assert!(twice.is_err_and(|text| text.starts_with("Duplicate tag keys found.")));
        assert!(parsed(&[("", "")], &[]).is_err());
        assert!(parsed(&[("a", ""); 51], &[]).is_err());
    }
}
