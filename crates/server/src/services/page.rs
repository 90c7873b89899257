//! Pages of lists, which go on behind a marker.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

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
    /// A page of at most so many items behind a marker; nothing if that is none of ours.
    pub(super) fn new(marker: Option<&str>, count_max: usize) -> Option<Self> {
        let decoded = |marker: &str| {
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(marker).ok()?;
            String::from_utf8(bytes).ok()
        };
        let after = match marker {
            None => None,
            Some(marker) => Some(decoded(marker)?),
        };
        Some(Self { after, count_max })
    }

    /// Cuts the page out of items that are sorted by their keys.
    pub(super) fn of<T>(
        &self,
        items: impl Iterator<Item = T>,
        key: impl Fn(&T) -> String,
    ) -> Cut<T> {
        self.of_bytes(items, key, (|_| 0, usize::MAX))
    }

    /// Cuts the page out of items that are sorted by their keys. It ends early when items have so many bytes together.
    pub(super) fn of_bytes<T>(
        &self,
        items: impl Iterator<Item = T>,
        key: impl Fn(&T) -> String,
        (bytes, bytes_max): (impl Fn(&T) -> usize, usize),
    ) -> Cut<T> {
        let is_before = |item: &T| self.after.as_ref().is_some_and(|after| key(item) <= *after);
        let (all, mut is_truncated, mut taken) = (items.skip_while(is_before), false, 0);
        let mut items = Vec::new();
        for item in all {
            taken += bytes(&item);
            is_truncated = items.len() == self.count_max || taken > bytes_max && !items.is_empty();
            if is_truncated {
                break;
            }
            items.push(item);
        }
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
            let page = Page::new(marker.as_deref(), 2).expect("a page");
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
    fn a_page_ends_early_when_its_items_are_large() {
        let page = |marker: Option<&str>| {
            let page = Page::new(marker, 3).expect("a page");
            let items = ["a", "bbbb", "cc", "d"].iter();
            page.of_bytes(items, |name| (**name).to_owned(), (|name| name.len(), 3))
        };
        let (mut marker, mut pages) = (None::<String>, Vec::new());
        loop {
            let cut = page(marker.as_deref());
            pages.push(cut.items.into_iter().copied().collect::<Vec<_>>());
            marker = cut.marker;
            if marker.is_none() {
                break;
            }
        }
        assert_eq!(pages, [vec!["a"], vec!["bbbb"], vec!["cc", "d"]]);
    }

    #[test]
    fn a_marker_is_one_of_ours() {
        assert_eq!(Page::new(Some("?"), 2), None);
    }
}
