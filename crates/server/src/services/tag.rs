//! Tags as clients of IAM and STS send them. Keys that differ only by case are the same.

use serde::{Deserialize, Serialize};

use super::member_list::MemberList;
use crate::identities::Tags;

/// A tag on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    #[serde(default)]
    pub(super) key: String,
    #[serde(default)]
    pub(super) value: String,
}

impl Tag {
    /// What pages of tags are sorted by.
    pub(super) fn sorted_by(&self) -> String {
        self.key.clone()
    }
}

/// Tags on the wire.
pub(super) type TagList = MemberList<Tag>;

/// What a request with two tags of one key is told.
pub(super) const DUPLICATE_KEYS: &str =
    "Duplicate tag keys found. Please note that Tag keys are case insensitive.";

/// The tags of a request, as conditions of policies ask for them.
pub(super) fn given(tags: &TagList) -> Tags {
    tags.0.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect()
}

/// Whether two keys are one.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}
