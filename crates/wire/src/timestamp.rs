//! A moment as the Query protocol writes it.

use serde::{Serialize, Serializer};

use crate::sigv4::iso_8601;

/// A moment, epoch milliseconds. Written as ISO 8601 in UTC with whole seconds, as the Query protocol has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp(pub u64);

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&iso_8601(self.0 / 1_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_in_iso_8601() {
        for (ms, text) in [
            (0, "\"1970-01-01T00:00:00Z\""),
            (951_827_696_999, "\"2000-02-29T12:34:56Z\""),
            (1_795_305_599_000, "\"2026-11-21T23:59:59Z\""),
        ] {
            assert_eq!(serde_json::to_string(&Timestamp(ms)).ok().as_deref(), Some(text));
        }
    }
}
