//! Pages of lists: `Marker`, `MaxItems`, `IsTruncated`.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sluice_wire::AwsError;

use super::limits::{PAGE_DEFAULT, PAGE_MAX};
use crate::services::constraints::{Constraints, refused};

/// Which part of a list is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    after: Option<String>,
    count_max: usize,
}

/// One page of a list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cut<T> {
    pub(super) items: Vec<T>,
    pub(super) is_truncated: bool,
    pub(super) marker: Option<String>,
}

impl Page {
    /// Reads `Marker` and `MaxItems`.
    pub(super) fn parse(marker: Option<&str>, max_items: Option<i64>) -> Result<Self, AwsError> {
        Constraints::new().number("maxItems", max_items, 1, PAGE_MAX).check()?;
        let decoded = |marker: &str| {
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(marker).ok()?;
            String::from_utf8(bytes).ok()
        };
        let after = match marker {
            None => None,
            Some(marker) => Some(decoded(marker).ok_or_else(|| refused("Invalid Marker."))?),
        };
        let count_max = max_items.and_then(|max| usize::try_from(max).ok());
        Ok(Self { after, count_max: count_max.unwrap_or(PAGE_DEFAULT) })
    }

    /// Cuts the page out of items that are sorted by their keys.
    pub(super) fn of<T>(
        &self,
        items: impl Iterator<Item = T>,
        key: impl Fn(&T) -> String,
    ) -> Cut<T> {
        let is_before = |item: &T| self.after.as_ref().is_some_and(|after| key(item) <= *after);
        let mut items: Vec<T> = items.skip_while(is_before).take(self.count_max + 1).collect();
        let is_truncated = items.len() > self.count_max;
        items.truncate(self.count_max);
        let marker = items.last().filter(|_| is_truncated);
        let marker = marker.map(|last| BASE64_URL_SAFE_NO_PAD.encode(key(last)));
        Cut { items, is_truncated, marker }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other() {
        let names = ["a", "b", "c", "d", "e"];
        let (mut marker, mut seen, mut pages) = (None::<String>, Vec::new(), 0);
        loop {
            let page = Page::parse(marker.as_deref(), Some(2)).expect("a page");
            let cut = page.of(names.iter(), |name| (**name).to_owned());
            seen.extend(cut.items);
            pages += 1;
            assert_eq!(cut.is_truncated, cut.marker.is_some());
            marker = cut.marker;
            if marker.is_none() {
                break;
            }
        }
        assert_eq!((seen, pages), (names.iter().collect(), 3));
    }

    #[test]
    fn a_page_has_a_size_and_a_marker_of_ours() {
        assert!(Page::parse(None, Some(0)).is_err() && Page::parse(None, Some(1001)).is_err());
        assert!(Page::parse(Some("?"), None).is_err());
        assert_eq!(Page::parse(None, None).ok().map(|page| page.count_max), Some(100));
    }
}
