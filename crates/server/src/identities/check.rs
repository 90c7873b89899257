//! Checks the rows of identities, offline.

use std::fmt::Display;

use sluice_store::{Reader, Row, Space};

use super::rows;
use super::snapshot::Snapshot;

/// Reads every row, and tells what is wrong with them.
pub(crate) fn check(reader: &dyn Reader, damage: &mut dyn FnMut(&dyn Display)) {
    let mut snapshot = Snapshot::default();
    if let Err(error) = rows::read_each(reader, &mut snapshot, &mut |bad| damage(&bad)) {
        damage(&error);
    }
    match reader.scan(Space::Bodies, &[]..&[0xff; 64], 1) {
        Err(error) => damage(&error),
        Ok(bodies) => bodies.iter().for_each(|_: &Row| damage(&"a body among identities")),
    }
}
