//! Rows of what changes rarely: JSON with a version.

use std::fmt::Display;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sluice_store::{Reader, Row as StoredRow, Space, StoreError};

const VERSION: u32 = 1;
const PAGE_ROWS: usize = 1_000;
/// After every table.
const END: &[u8] = &[0xff];

#[derive(Serialize, Deserialize)]
struct Row<T> {
    version: u32,
    row: T,
}

/// The value of a row. What it holds has text keys and finite numbers.
pub(crate) fn encode<T: Serialize>(row: &T) -> Vec<u8> {
    let row = Row { version: VERSION, row };
    serde_json::to_vec(&row).expect("text keys and finite numbers")
}

/// What a row holds, unless it is damaged or from a newer version.
pub(crate) fn decode<T: DeserializeOwned>(value: &[u8]) -> Option<T> {
    let row: Row<T> = serde_json::from_slice(value).ok()?;
    (row.version == VERSION).then_some(row.row)
}

/// Reads every row into a snapshot with `read`.
///
/// # Errors
/// What is wrong with the store, or with the first bad row.
pub(crate) fn read_all<S, B, E: From<StoreError> + From<B>>(
    reader: &dyn Reader,
    mut snapshot: S,
    read: impl Fn(&mut S, &[u8], &[u8]) -> Result<(), B>,
) -> Result<S, E> {
    let mut first = None;
    read_each(reader, &mut snapshot, read, &mut |bad| {
        first.get_or_insert(bad);
    })?;
    match first {
        None => Ok(snapshot),
        Some(bad) => Err(bad.into()),
    }
}

/// Reads what can be read into a snapshot with `read`, and tells what is wrong with the rest.
pub(crate) fn read_each<S, B>(
    reader: &dyn Reader,
    snapshot: &mut S,
    read: impl Fn(&mut S, &[u8], &[u8]) -> Result<(), B>,
    bad: &mut dyn FnMut(B),
) -> Result<(), StoreError> {
    each(reader, &mut |key, value| {
        if let Err(error) = read(snapshot, key, value) {
            bad(error);
        }
    })
}

/// Tells of bodies, which only messages have.
pub(crate) fn check_bodies(reader: &dyn Reader, among: &str, damage: &mut dyn FnMut(&dyn Display)) {
    match reader.scan(Space::Bodies, &[]..END, 1) {
        Err(error) => damage(&error),
        Ok(bodies) => {
            bodies.iter().for_each(|_: &StoredRow| damage(&format_args!("a body among {among}")));
        }
    }
}

/// Visits every row by its key and value, in order of the keys.
pub(crate) fn each(
    reader: &dyn Reader,
    visit: &mut dyn FnMut(&[u8], &[u8]),
) -> Result<(), StoreError> {
    let mut start = Vec::new();
    loop {
        let page = reader.scan(Space::Rows, start.as_slice()..END, PAGE_ROWS)?;
        for (key, value) in &page {
            visit(key, value);
        }
        match page.last() {
            Some((key, _)) if page.len() == PAGE_ROWS => {
                start.clone_from(key);
                start.push(0);
            }
            Some(_) | None => return Ok(()),
        }
    }
}
