//! Tags of trails.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::errors;
use crate::identities::Tags;

const TAGS_MAX: usize = 50;
const KEY_CHARS_MAX: usize = 128;
const VALUE_CHARS_MAX: usize = 256;

/// A tag on the wire; its value may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TrailTag {
    #[serde(default)]
    key: String,
    #[serde(default)]
    value: Option<String>,
}

/// Tags on the wire.
pub(super) type TagList = Vec<TrailTag>;

/// The tags of a request, as conditions of policies ask for them.
pub(super) fn given(tags: Option<&TagList>) -> Tags {
    let tags = tags.into_iter().flatten();
    tags.map(|tag| (tag.key.clone(), tag.value.clone().unwrap_or_default())).collect()
}

/// Adds tags to the ones that there are; the same key overwrites. So many are refused first that looking at them would keep
/// other changes waiting.
pub(super) fn merge(tags: &mut Tags, given: Option<TagList>) -> Result<(), AwsError> {
    let given = given.unwrap_or_default();
    if given.len() > TAGS_MAX {
        return Err(errors::too_many_tags(TAGS_MAX));
    }
    let is_used =
        |char: char| char.is_alphanumeric() || char.is_whitespace() || "_.:/=+-@".contains(char);
    for (index, TrailTag { key, value }) in given.iter().enumerate() {
        let value = value.as_deref().unwrap_or_default();
        let is_tag = (1..=KEY_CHARS_MAX).contains(&key.chars().count())
            && value.chars().count() <= VALUE_CHARS_MAX
            && key.chars().chain(value.chars()).all(is_used)
            && !key.to_lowercase().starts_with("aws:");
        if !is_tag {
            return Err(errors::invalid_tag(format!("The tag {key} is not valid.")));
        }
        if given[..index].iter().any(|other| other.key == *key) {
            return Err(errors::invalid_tag(format!("The tag {key} is given more than once.")));
        }
    }
    tags.extend(given.into_iter().map(|tag| (tag.key, tag.value.unwrap_or_default())));
    if tags.len() > TAGS_MAX { Err(errors::too_many_tags(TAGS_MAX)) } else { Ok(()) }
}

/// Removes tags by their keys, and by their values if those are given.
pub(super) fn remove(tags: &mut Tags, given: &TagList) {
    tags.retain(|key, value| {
        let is_it =
            |tag: &TrailTag| tag.key == *key && tag.value.as_ref().is_none_or(|it| it == value);
        !given.iter().any(is_it)
    });
}

/// Tags as answers have them.
pub(super) fn list(tags: &Tags) -> TagList {
    let tag = |(key, value): (&String, &String)| TrailTag {
        key: key.clone(),
        value: Some(value.clone()),
    };
    tags.iter().map(tag).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(pairs: &[(&str, Option<&str>)]) -> TagList {
        let tag = |(key, value): &(&str, Option<&str>)| TrailTag {
            key: (*key).to_owned(),
            value: value.map(str::to_owned),
        };
        pairs.iter().map(tag).collect()
    }

    #[test]
    fn tags_are_added_and_removed_by_key_and_value() {
        let mut tags = Tags::new();
        merge(&mut tags, Some(given(&[("a", Some("1")), ("b", None)]))).expect("added");
        merge(&mut tags, Some(given(&[("a", Some("2"))]))).expect("overwritten");
        assert_eq!(list(&tags), given(&[("a", Some("2")), ("b", Some(""))]));
        remove(&mut tags, &given(&[("a", Some("1")), ("b", None)]));
        assert_eq!(list(&tags), given(&[("a", Some("2"))]));
    }

    #[test]
    fn tags_that_are_none_are_refused() {
        for pairs in [
            vec![("", Some("x"))],
            vec![("aws:x", None)],
            vec![("a*", None)],
            vec![("a", None), ("a", None)],
        ] {
            assert!(merge(&mut Tags::new(), Some(given(&pairs))).is_err(), "{pairs:?}");
        }
        let names: Vec<String> = (0..51).map(|number| format!("k{number}")).collect();
        let pairs: Vec<_> = names.iter().map(|name| (name.as_str(), None)).collect();
        assert!(merge(&mut Tags::new(), Some(given(&pairs[..50]))).is_ok());
        let code = |pairs: &[(&str, Option<&str>)]| {
            let error = merge(&mut Tags::new(), Some(given(pairs))).expect_err("refused");
            error.shape().query_code
        };
        assert_ne!(code(&[("a", None); 50]), code(&pairs), "what is wrong with them is said");
        assert_eq!(code(&[("a", None); 51]), code(&pairs), "they are not looked at");
    }
}
