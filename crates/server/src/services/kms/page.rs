//! Pages of lists: `Marker`, `Limit`, `Truncated`, `NextMarker`.

use serde::Serialize;
use sluice_wire::AwsError;

use super::errors;
use super::limits::{PAGE_DEFAULT, PAGE_MAX};
use crate::services::constraints::Constraints;
use crate::services::page::{Cut, Page};

/// How an answer says that there is more.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct More {
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
    truncated: bool,
}

/// Reads `Limit` and `Marker`.
pub(super) fn parse(limit: Option<i64>, marker: Option<&str>) -> Result<Page, AwsError> {
    errors::check(Constraints::new().number("limit", limit, 1, PAGE_MAX))?;
    let count_max = limit.and_then(|limit| usize::try_from(limit).ok());
    Page::new(marker, count_max.unwrap_or(PAGE_DEFAULT)).ok_or_else(errors::invalid_marker)
}

/// A page of a list and whether there is more.
pub(super) fn cut<T, U>(cut: Cut<T>, show: impl Fn(T) -> U) -> (Vec<U>, More) {
    let more = More { next_marker: cut.marker, truncated: cut.is_truncated };
    (cut.items.into_iter().map(show).collect(), more)
}
