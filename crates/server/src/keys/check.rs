//! Checks the rows of KMS keys, offline: without the master key, as far as that goes.

use std::fmt::Display;

use sluice_store::Reader;

use super::rows;
use super::snapshot::Snapshot;
use crate::rare_changes::rows::{check_bodies, read_each};

/// Reads every row, and tells what is wrong with them.
pub(crate) fn check(reader: &dyn Reader, damage: &mut dyn FnMut(&dyn Display)) {
    let mut snapshot = Snapshot::default();
    if let Err(error) = read_each(reader, &mut snapshot, rows::read, &mut |bad| damage(&bad)) {
        damage(&error);
    }
    for alias in snapshot.aliases() {
        let key = snapshot.key(&alias.key_id, 0);
        if key.is_none_or(|key| key.place != alias.place) {
            damage(&format_args!("{} is of a key that is missing: {}", alias.arn(), alias.key_id));
        }
    }
    check_bodies(reader, "KMS keys", damage);
}
