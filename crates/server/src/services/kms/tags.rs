//! Tags of keys.

use serde::{Deserialize, Serialize};
use sluice_wire::AwsError;

use super::errors;
use super::limits::TAGS_MAX;
use crate::identities::Tags;
use crate::services::constraints::Constraints;

/// A tag on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    #[serde(default)]
    pub(super) tag_key: String,
    #[serde(default)]
    pub(super) tag_value: String,
}

/// The tags of a request, as conditions of policies ask for them.
pub(super) fn given(tags: Option<&Vec<Tag>>) -> Tags {
    let tags = tags.into_iter().flatten();
    tags.map(|tag| (tag.tag_key.clone(), tag.tag_value.clone())).collect()
}

/// Adds tags to the ones that there are. So many are refused first that looking at them would keep other changes waiting.
pub(super) fn merge(tags: &mut Tags, given: &[Tag]) -> Result<(), AwsError> {
    let too_many = || errors::tag("Too many tags");
    if given.len() > TAGS_MAX {
        return Err(too_many());
    }
    let mut constraints = Constraints::new();
    for (index, tag) in given.iter().enumerate() {
        let at = |member: &str| format!("tags.{}.member.{member}", index + 1);
        constraints = constraints.text(&at("tagKey"), Some(&tag.tag_key), 1, 128).text(
            &at("tagValue"),
            Some(&tag.tag_value),
            0,
            256,
        );
    }
    errors::check(constraints)?;
    for (index, tag) in given.iter().enumerate() {
        if tag.tag_key.to_ascii_lowercase().starts_with("aws:") {
            return Err(errors::tag("Tags beginning with aws: are reserved"));
        }
        if given[..index].iter().any(|other| other.tag_key == tag.tag_key) {
            return Err(errors::tag("Duplicate tag keys"));
        }
        tags.insert(tag.tag_key.clone(), tag.tag_value.clone());
    }
    if tags.len() > TAGS_MAX {
        return Err(too_many());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_fifty_tags_and_more_are_not_looked_at() {
        let tag = |number| Tag { tag_key: format!("k{number}"), tag_value: String::new() };
        let text = |given: &[Tag]| {
            let mut tags: Tags = (0..50).map(|it| (format!("k{it}"), String::new())).collect();
            merge(&mut tags, given).map_err(|error| error.message().to_owned())
        };
        assert_eq!(text(&[tag(0)]), Ok(()));
        assert_eq!(text(&[tag(50)]), Err("Too many tags".to_owned()));
        assert_eq!(text(&vec![tag(0); TAGS_MAX]), Err("Duplicate tag keys".to_owned()));
        assert_eq!(text(&vec![tag(0); TAGS_MAX + 1]), Err("Too many tags".to_owned()));
    }
}
