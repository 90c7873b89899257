//! Checks the rows of KMS keys, offline: without the master key, as far as that goes.

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
    for alias in snapshot.aliases() {
        let key = snapshot.key(&alias.key_id, 0);
        if key.is_none_or(|key| key.place != alias.place) {
            damage(&format_args!("{} is of a key that is missing: {}", alias.arn(), alias.key_id));
        }
    }
    match reader.scan(Space::Bodies, &[]..&[0xff; 64], 1) {
        Err(error) => damage(&error),
        Ok(bodies) => bodies.iter().for_each(|_: &Row| damage(&"a body among KMS keys")),
    }
}
