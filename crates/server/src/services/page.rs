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
    fn a_marker_is_one_of_ours() {
        assert_eq!(Page::new(Some("?"), 2), None);
    }
}
