//! Pages of lists: `Marker`, `MaxItems`, `IsTruncated`.

use sluice_wire::AwsError;

use super::limits::{PAGE_DEFAULT, PAGE_MAX};
use crate::services::constraints::{Constraints, refused};

pub(super) use crate::services::page::{Cut, Page};

impl Page {
    /// Reads `Marker` and `MaxItems`.
    pub(super) fn parse(marker: Option<&str>, max_items: Option<i64>) -> Result<Self, AwsError> {
        Constraints::new().number("maxItems", max_items, 1, PAGE_MAX).check()?;
        let count_max = max_items.and_then(|max| usize::try_from(max).ok());
        let page = Self::new(marker, count_max.unwrap_or(PAGE_DEFAULT));
        page.ok_or_else(|| refused("Invalid Marker."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_a_size_and_a_marker_of_ours() {
        assert!(Page::parse(None, Some(0)).is_err() && Page::parse(None, Some(1001)).is_err());
        assert!(Page::parse(Some("?"), None).is_err());
        assert_eq!(Page::parse(None, None).ok(), Page::new(None, 100));
    }
}
