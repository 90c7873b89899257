//! When the space of removed bodies is collected.
//!
//! Bodies lie in blob files, and a file goes away by itself when all its bodies are removed. Queues remove in about the
//! order in which they wrote, so mostly that is enough, and moving the bodies that remain would only write them again
//! and again. But a few that stay can keep many files: once half of all is garbage, what remains is moved.

use super::database::Database;

/// Less garbage than this is left alone.
const GARBAGE_BYTES_MIN: u64 = 256 << 20;

/// RocksDB moves the bodies of this share of the files, the oldest first, while it compacts.
const OPTION_SHARE: &str = "blob_garbage_collection_age_cutoff";

/// Decides whether garbage is collected.
#[derive(Debug, Default)]
pub(super) struct BlobGarbage {
    is_collecting: bool,
}

impl BlobGarbage {
    /// Looks at the files.
    pub(super) fn look(&mut self, database: &Database) {
        let (bytes, garbage_bytes) = database.blob_bytes();
        let is_wanted = is_wanted(self.is_collecting, bytes, garbage_bytes);
        if is_wanted == self.is_collecting {
            return;
        }
        let share = if is_wanted { "1.0" } else { "0.0" };
        match database.set_body_option(OPTION_SHARE, share) {
            Ok(()) => self.is_collecting = is_wanted,
            // Space comes back later; nothing else depends on it.
            Err(error) => tracing::warn!(%error, "cannot change how removed bodies are collected"),
        }
    }
}

/// From half of all on, until it is a quarter.
fn is_wanted(is_collecting: bool, bytes: u64, garbage_bytes: u64) -> bool {
    let part = if is_collecting { 4 } else { 2 };
    garbage_bytes >= GARBAGE_BYTES_MIN && garbage_bytes >= bytes / part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collecting_starts_at_half_and_ends_at_a_quarter() {
        let of = |garbage: u64| garbage << 20;
        assert!(!is_wanted(false, of(1_000), of(499)));
        assert!(is_wanted(false, of(1_000), of(500)));
        assert!(is_wanted(true, of(1_200), of(300)));
        assert!(!is_wanted(true, of(1_204), of(300)));
        assert!(!is_wanted(false, of(10), of(10)), "not for a little");
    }
}
