//! Places in the audit log, and the records between two of them.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::chain;
use super::layout;
use super::lookup;

/// A place in the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// Number of the file.
    pub(super) file: u64,
    /// Bytes before it in the file, as it is when it is not compressed.
    pub(super) bytes: u64,
}

/// Passes the records between two places on, without their link to the one before. Files that were moved away are left out.
pub(crate) fn each_between(
    directory: &Path,
    (from, to): (Place, Place),
    each: &mut dyn FnMut(&str) -> io::Result<()>,
) -> io::Result<()> {
    // Of a log that was begun anew, everything is new.
    let from = if from > to { Place { file: 0, bytes: 0 } } else { from };
    let numbers = layout::list(directory)?.into_keys();
    for number in numbers.filter(|number| (from.file..=to.file).contains(number)) {
        let Some(mut file) = lookup::open(directory, number)? else { continue };
        let start = if number == from.file { from.bytes } else { 0 };
        let end = if number == to.file { to.bytes } else { u64::MAX };
        io::copy(&mut file.by_ref().take(start), &mut io::sink())?;
        for line in BufReader::new(file.take(end - start)).lines() {
            each(&chain::record(&line?))?;
        }
    }
    Ok(())
}
